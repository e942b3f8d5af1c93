#include "io/config_values.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/session/client_address.h"

namespace gopher {

namespace {

__extension__ using Wide = unsigned __int128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits at the front of `text`, taken off it. Nothing when there is none, or more than 18.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits)
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  text.remove_prefix(digits.size());
  return value;
}

// A decimal number at the front of `text`, times 10^places. Nothing when it has more places than that.
std::optional<Wide> take_decimal(std::string_view& text, std::size_t places) {
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  Wide value = *whole;
  std::uint64_t fraction = 0;
  std::size_t given = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t before = text.size();
    const auto digits = take_digits(text);
    given = before - text.size();
    if (!digits || given > places) return std::nullopt;
    fraction = *digits;
  }
  for (std::size_t place = 0; place < places; ++place) {
    value *= 10;
    if (place >= given) fraction *= 10;
  }
  return value + fraction;
}

constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> kDurationUnits{{
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

constexpr std::array<std::pair<std::string_view, std::size_t>, 4> kSizeUnits{{
    {"GiB", 1u << 30},
    {"MiB", 1u << 20},
    {"KiB", 1u << 10},
    {"B", 1},
}};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t'))
    text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  static constexpr Wide kBillion = 1'000'000'000;
  const auto number = take_decimal(text, 9);
  if (!number) return std::nullopt;
  if (text.empty()) text = "s";
  for (const auto& [unit, nanoseconds] : kDurationUnits) {
    if (text != unit) continue;
    const Wide scaled = *number * static_cast<Wide>(nanoseconds);
    if (scaled % kBillion != 0 || scaled / kBillion > static_cast<Wide>(Duration::max().count())) return std::nullopt;
    return Duration(static_cast<Duration::rep>(scaled / kBillion));
  }
  return std::nullopt;
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0";
  for (const auto& [unit, nanoseconds] : kDurationUnits) {
    if (duration.count() % nanoseconds == 0) return std::to_string(duration.count() / nanoseconds).append(unit);
  }
  return std::to_string(duration.count()) + "ns";
}

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto number = take_digits(text);
  if (!number) return std::nullopt;
  if (text.empty()) text = "B";
  for (const auto& [unit, bytes] : kSizeUnits) {
    if (text != unit) continue;
    const Wide scaled = Wide{*number} * bytes;
    if (scaled > SIZE_MAX) return std::nullopt;
    return static_cast<std::size_t>(scaled);
  }
  return std::nullopt;
}

std::string format_size(std::size_t bytes) {
  for (const auto& [unit, size] : kSizeUnits) {
    if (bytes != 0 && bytes % size == 0) return std::to_string(bytes / size).append(unit);
  }
  return std::to_string(bytes);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const auto number = take_digits(text);
  return text.empty() ? number : std::nullopt;
}

std::optional<std::uint64_t> parse_millis(std::string_view text) {
  const auto number = take_decimal(text, 3);
  if (!number || !text.empty() || *number > UINT64_MAX) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::string format_millis(std::uint64_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  if (thousandths % 1000 == 0) return text;
  text += '.' + std::to_string(1000 + thousandths % 1000).substr(1);
  while (text.ends_with('0'))
    text.pop_back();
  return text;
}

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto comma = text.find(',');
    const auto part = trimmed(text.substr(0, comma));
    if (!part.empty()) parts.push_back(part);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::expected<std::vector<Endpoint>, std::string> parse_endpoints(std::string_view text) {
  std::vector<Endpoint> endpoints;
  for (const auto part : split_list(text)) {
    std::string why_not;
    auto endpoint = part.find("://") == std::string_view::npos ? Endpoint::parse_authority(part, why_not)
                                                               : Endpoint::parse_member(part, why_not);
    if (!endpoint) return std::unexpected(quoted_text(part) + ": " + why_not);
    if (std::find(endpoints.begin(), endpoints.end(), *endpoint) == endpoints.end()) {
      endpoints.push_back(std::move(*endpoint));
    }
  }
  if (endpoints.empty()) return std::unexpected("there is none");
  return endpoints;
}

std::expected<std::vector<AddressPrefix>, std::string> parse_prefixes(std::string_view text) {
  std::vector<AddressPrefix> prefixes;
  for (const auto part : split_list(text)) {
    std::string why_not;
    const auto prefix = parse_address_prefix(part, why_not);
    if (!prefix) return std::unexpected(quoted_text(part) + ": " + why_not);
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

std::string quoted_text(std::string_view text) {
  static constexpr std::size_t kLongest = 120;
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\') {
      result += "\\x";
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    } else {
      result += c;
    }
  }
  if (text.size() > kLongest) result += "...";
  return result + '"';
}

}  // namespace gopher
