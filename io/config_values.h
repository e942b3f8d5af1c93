// The texts of settings: durations, sizes, rates, numbers, lists, and back. Pure; no setting is named here.
//
// Every parse returns nothing, or a reason, when the text is not exactly a value of its type: no leading or trailing
// space, no second reading. Values that pass their type's range (not the setting's) are refused too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/time.h"
#include "core/session/settings.h"

namespace gopher {

// "500ms", "5s", "1.5m", "1h"; a bare number is seconds. Units: us, ms, s, m, h. Never negative.
std::optional<Duration> parse_duration(std::string_view text);
// In the largest unit that gives a whole number: "500ms", "5m".
std::string format_duration(Duration duration);

// "8192", "8192B", "16KiB", "1MiB", "1GiB": bytes.
std::optional<std::size_t> parse_size(std::string_view text);
std::string format_size(std::size_t bytes);

// Decimal digits only.
std::optional<std::uint64_t> parse_count(std::string_view text);

// "2", "0.5", "12.125": in thousandths; more than three places are refused.
std::optional<std::uint64_t> parse_millis(std::string_view text);
std::string format_millis(std::uint64_t thousandths);

// The parts between commas, spaces trimmed, empty parts left out.
std::vector<std::string_view> split_list(std::string_view text);

// "host:port" or "http://host:port" entries between commas, in the order given, repeats left out.
std::expected<std::vector<Endpoint>, std::string> parse_endpoints(std::string_view text);
// "10.0.0.0/8" entries between commas; an address without a length is that address alone.
std::expected<std::vector<AddressPrefix>, std::string> parse_prefixes(std::string_view text);

// For a message on one line: within quotes, control characters, quotes and bytes above 0x7e as \xNN, long texts cut.
std::string quoted_text(std::string_view text);

}  // namespace gopher
