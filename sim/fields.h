// Fields: the keys of one part of a scenario file, read by a table that says which there may be and what they hold.
// The same tables are the reference that `gopher-sim list` prints.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/time.h"
#include "sim/draws.h"
#include "sim/yaml_tree.h"

namespace gopher::sim {

enum class ValueKind : std::uint8_t {
  duration,        // 250ms, 5s, 1m, 2h
  duration_range,  // 1ms..5ms, or one duration
  count,           // 0, 12, 100000
  count_range,     // 10..500, or one count
  rate,            // 50/s, 1.5/s
  share,           // 1%, 0.5%
  bound,           // ">= 99%", "< 10", "0": a comparison with a share or a count
  name,            // b1
  names,           // b1, or [b1, b2]
  address,         // 198.51.100.1, 2001:db8::1
  flag,            // yes, no
  text,
};
std::string_view to_string(ValueKind kind) noexcept;
std::string_view example_of(ValueKind kind) noexcept;

struct KeySpec {
  std::string_view name;
  ValueKind kind;
  std::string_view sentence;
  bool required = false;
  // Of a text or names: the words that there are; none: any.
  std::span<const std::string_view> words = {};
  bool positive = false;  // 0 is refused
};

struct Bound {
  enum class Comparison : std::uint8_t { equal, at_least, at_most, more, less };
  Comparison comparison = Comparison::equal;
  bool of_share = false;
  std::uint64_t value = 0;  // a count, or thousandths of a percent

  // `part` of `whole`; a share of nothing does not hold.
  bool holds(std::uint64_t part, std::uint64_t whole) const noexcept;
  std::string text;
};

struct Value {
  Place place;
  std::uint64_t number = 0;    // count; rate in thousandths a second; share in thousandths; flag
  Range<std::uint64_t> range;  // ns or counts
  std::vector<std::string> names;
  std::optional<IpAddress> address;
  Bound bound;
  std::string text;  // as it stands in the file
};

class Fields {
 public:
  bool has(std::string_view key) const { return values_.contains(key); }
  const Value* find(std::string_view key) const;
  // The words of a key as the enumeration that they name, in whose order `words` stands.
  template <class Value>
  Choices<Value> choices(std::string_view key, std::span<const std::string_view> words,
                         Choices<Value> otherwise) const {
    const auto* value = find(key);
    if (!value || value->names.empty()) return otherwise;
    Choices<Value> chosen;
    for (const auto& name : value->names)
      chosen.add(static_cast<Value>(std::ranges::find(words, name) - words.begin()));
    return chosen;
  }
  // Of a key that is there, or `otherwise`.
  Duration duration(std::string_view key, Duration otherwise = Duration(0)) const;
  std::uint64_t number(std::string_view key, std::uint64_t otherwise = 0) const;
  const std::vector<std::string>& names(std::string_view key) const;
  std::string text(std::string_view key) const;

  std::map<std::string, Value, std::less<>> values_;
  Place place;
};

// Collects what is wrong with a file.
class Complaints {
 public:
  // More than these are not told.
  static constexpr std::size_t kMost = 20;
  void add(Place place, std::string what) {
    if (all_.size() < kMost) all_.push_back({place, std::move(what)});
  }
  const std::vector<Diagnostic>& all() const noexcept { return all_; }

 private:
  std::vector<Diagnostic> all_;
};

// The fields of a map by the tables (two, so that a part can have keys of its own beside those of its kind).
Fields read_fields(const YamlNode& map, std::span<const KeySpec> keys, std::span<const KeySpec> more_keys,
                   std::string_view what, Complaints& complaints);
std::optional<Value> read_value(const YamlNode& node, ValueKind kind, std::string_view key, Complaints& complaints);

// `unknown key "x" (in y); did you mean "z"?`, with the nearest of `known`.
std::string unknown(std::string_view what, std::string_view got, const std::vector<std::string_view>& known,
                    std::string_view where = {});

}  // namespace gopher::sim
