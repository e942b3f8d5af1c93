#include "core/http/fields.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/http/character.h"

namespace gopher::http {

namespace {

struct KnownField {
  std::string_view lower_name;
  FieldId id;
};

// By length, which tells most names apart.
constexpr std::array<KnownField, 20> kKnown{{
    {"te", FieldId::te},
    {"via", FieldId::via},
    {"host", FieldId::host},
    {"date", FieldId::date},
    {"expect", FieldId::expect},
    {"trailer", FieldId::trailer},
    {"upgrade", FieldId::upgrade},
    {"forwarded", FieldId::forwarded},
    {"connection", FieldId::connection},
    {"keep-alive", FieldId::keep_alive},
    {"max-forwards", FieldId::max_forwards},
    {"x-request-id", FieldId::x_request_id},
    {"authorization", FieldId::authorization},
    {"content-length", FieldId::content_length},
    {"http2-settings", FieldId::http2_settings},
    {"x-forwarded-for", FieldId::x_forwarded_for},
    {"proxy-connection", FieldId::proxy_connection},
    {"x-forwarded-host", FieldId::x_forwarded_host},
    {"transfer-encoding", FieldId::transfer_encoding},
    {"x-forwarded-proto", FieldId::x_forwarded_proto},
}};
constexpr std::size_t kLongestName = kKnown.back().lower_name.size();

// kFirstOfLength[n] is the first one of n bytes, or where it would stand.
constexpr auto kFirstOfLength = [] {
  std::array<std::uint8_t, kLongestName + 2> first{};
  for (std::size_t length = 0; length < first.size(); ++length) {
    while (first[length] < kKnown.size() && kKnown[first[length]].lower_name.size() < length)
      ++first[length];
  }
  return first;
}();
static_assert(std::ranges::is_sorted(kKnown, {}, [](const KnownField& known) { return known.lower_name.size(); }));

// Equal but for case; an underscore stands for a hyphen and sets `disguised`.
bool same_name(std::string_view name, std::string_view lower, bool& disguised) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = to_lower(name[i]);
    if (c == lower[i]) continue;
    if (c != '_' || lower[i] != '-') return false;
    disguised = true;
  }
  return true;
}

}  // namespace

FieldId identify_field(std::string_view name) noexcept {
  if (name.size() > kLongestName) return FieldId::other;
  for (std::size_t i = kFirstOfLength[name.size()]; i < kFirstOfLength[name.size() + 1]; ++i) {
    bool disguised = false;
    if (same_name(name, kKnown[i].lower_name, disguised)) return disguised ? FieldId::disguised : kKnown[i].id;
  }
  return FieldId::other;
}

}  // namespace gopher::http
