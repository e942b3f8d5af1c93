#include "core/http/fields.h"

#include <array>

#include "core/http/character.h"

namespace gopher::http {

namespace {

struct KnownField {
  std::string_view lower_name;
  FieldId id;
};

constexpr std::array<KnownField, 20> kKnown{{
    {"host", FieldId::host},
    {"connection", FieldId::connection},
    {"content-length", FieldId::content_length},
    {"transfer-encoding", FieldId::transfer_encoding},
    {"te", FieldId::te},
    {"trailer", FieldId::trailer},
    {"upgrade", FieldId::upgrade},
    {"keep-alive", FieldId::keep_alive},
    {"proxy-connection", FieldId::proxy_connection},
    {"expect", FieldId::expect},
    {"max-forwards", FieldId::max_forwards},
    {"via", FieldId::via},
    {"date", FieldId::date},
    {"authorization", FieldId::authorization},
    {"forwarded", FieldId::forwarded},
    {"x-forwarded-for", FieldId::x_forwarded_for},
    {"x-forwarded-proto", FieldId::x_forwarded_proto},
    {"x-forwarded-host", FieldId::x_forwarded_host},
    {"x-request-id", FieldId::x_request_id},
    {"http2-settings", FieldId::http2_settings},
}};

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
  for (const auto& known : kKnown) {
    bool disguised = false;
    if (known.lower_name.size() == name.size() && same_name(name, known.lower_name, disguised)) {
      return disguised ? FieldId::disguised : known.id;
    }
  }
  return FieldId::other;
}

}  // namespace gopher::http
