#include "sim/fields.h"

#include <algorithm>
#include <charconv>

#include "core/async/check.h"

namespace gopher::sim {

namespace {

// Digits with an optional fraction, in thousandths; moves `text` behind them.
std::optional<std::uint64_t> thousandths(std::string_view& text) {
  std::uint64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole > 1'000'000'000'000) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  std::uint64_t value = whole * 1000;
  if (!text.starts_with('.')) return value;
  text.remove_prefix(1);
  std::size_t digits = 0;
  for (std::uint64_t weight = 100; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), ++digits) {
    value += static_cast<std::uint64_t>(text[0] - '0') * weight;
    weight /= 10;
  }
  if (digits == 0 || digits > 3) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > 1'000'000'000'000) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_duration(std::string_view text) {
  if (text == "0") return 0;
  const auto value = thousandths(text);
  if (!value) return std::nullopt;
  static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {{"ns", 1},
                                                                          {"us", 1000},
                                                                          {"ms", 1'000'000},
                                                                          {"s", 1'000'000'000},
                                                                          {"m", 60'000'000'000},
                                                                          {"h", 3'600'000'000'000}};
  for (const auto& [unit, ns] : kUnits) {
    if (text != unit) continue;
    // A scenario is shorter than a year.
    if (*value / 1000 > std::uint64_t{31'536'000'000'000'000} / ns) return std::nullopt;
    return ns >= 1000 ? *value * (ns / 1000) : *value / 1000;
  }
  return std::nullopt;
}

template <class Parse>
std::optional<Range<std::uint64_t>> parse_range(std::string_view text, Parse parse) {
  const auto dots = text.find("..");
  const auto least = parse(text.substr(0, dots));
  const auto most = dots == std::string_view::npos ? least : parse(text.substr(dots + 2));
  if (!least || !most || *most < *least) return std::nullopt;
  return Range<std::uint64_t>{*least, *most};
}

std::optional<std::uint64_t> parse_suffixed(std::string_view text, std::string_view suffix) {
  const auto value = thousandths(text);
  return value && text == suffix ? value : std::nullopt;
}

std::optional<Bound> parse_bound(std::string_view text) {
  Bound bound;
  bound.text = text;
  using Comparison = Bound::Comparison;
  static constexpr std::pair<std::string_view, Comparison> kSigns[] = {
      {">=", Comparison::at_least}, {"<=", Comparison::at_most}, {">", Comparison::more}, {"<", Comparison::less}};
  for (const auto& [sign, comparison] : kSigns) {
    if (!text.starts_with(sign)) continue;
    bound.comparison = comparison;
    text.remove_prefix(sign.size());
    break;
  }
  while (text.starts_with(' '))
    text.remove_prefix(1);
  if (const auto share = parse_suffixed(text, "%")) {
    bound.of_share = true;
    bound.value = *share;
    return bound;
  }
  const auto count = parse_count(text);
  if (!count) return std::nullopt;
  bound.value = *count;
  return bound;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

bool read_scalar(const std::string& text, ValueKind kind, Value& value) {
  switch (kind) {
    case ValueKind::duration:
    case ValueKind::duration_range: {
      const auto range = parse_range(text, parse_duration);
      if (range) value.range = *range;
      return range && (kind == ValueKind::duration_range || range->least == range->most);
    }
    case ValueKind::count:
    case ValueKind::count_range: {
      const auto range = parse_range(text, parse_count);
      if (range) value.range = *range;
      if (range) value.number = range->least;
      return range && (kind == ValueKind::count_range || range->least == range->most);
    }
    case ValueKind::rate:
    case ValueKind::share: {
      const auto number = parse_suffixed(text, kind == ValueKind::rate ? "/s" : "%");
      // A share in thousandths of one, not of a percent.
      if (number) value.number = kind == ValueKind::rate ? *number : *number / 100;
      // More a second than any machine here could play.
      if (number && kind == ValueKind::rate && *number > 1'000'000'000) return false;
      return number && (kind == ValueKind::rate || *number <= 100'000);
    }
    case ValueKind::bound: {
      auto bound = parse_bound(text);
      if (bound) value.bound = std::move(*bound);
      return !value.bound.text.empty();
    }
    case ValueKind::name:
    case ValueKind::names: value.names = {text}; return !text.empty();
    case ValueKind::address: value.address = IpAddress::parse(text); return value.address.has_value();
    case ValueKind::flag:
      value.number = text == "yes" || text == "true";
      return value.number || text == "no" || text == "false";
    case ValueKind::text: return true;
  }
  return false;
}

}  // namespace

std::string_view to_string(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::duration: return "duration";
    case ValueKind::duration_range: return "duration or range";
    case ValueKind::count: return "count";
    case ValueKind::count_range: return "count or range";
    case ValueKind::rate: return "rate";
    case ValueKind::share: return "share";
    case ValueKind::bound: return "bound";
    case ValueKind::name: return "name";
    case ValueKind::names: return "name or list of names";
    case ValueKind::address: return "address";
    case ValueKind::flag: return "yes or no";
    case ValueKind::text: return "text";
  }
  return "";
}

std::string_view example_of(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::duration: return "250ms, 5s, 1m";
    case ValueKind::duration_range: return "5ms, or 1ms..20ms";
    case ValueKind::count: return "12";
    case ValueKind::count_range: return "100, or 10..500";
    case ValueKind::rate: return "50/s, 1.5/s";
    case ValueKind::share: return "1%, 0.5%";
    case ValueKind::bound: return ">= 99%, < 10, 0";
    case ValueKind::name: return "b1";
    case ValueKind::names: return "b1, or [b1, b2]";
    case ValueKind::address: return "198.51.100.1";
    case ValueKind::flag: return "yes, no";
    case ValueKind::text: return "any words";
  }
  return "";
}

bool Bound::holds(std::uint64_t part, std::uint64_t whole) const noexcept {
  if (of_share && whole == 0) return false;
  // part / whole against value / 100'000, without a fraction.
  const std::uint64_t left = of_share ? part * 100'000 : part;
  const std::uint64_t right = of_share ? value * whole : value;
  switch (comparison) {
    case Comparison::equal: return left == right;
    case Comparison::at_least: return left >= right;
    case Comparison::at_most: return left <= right;
    case Comparison::more: return left > right;
    case Comparison::less: return left < right;
  }
  return false;
}

const Value* Fields::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}
Duration Fields::duration(std::string_view key, Duration otherwise) const {
  const auto* value = find(key);
  return value ? Duration(static_cast<std::int64_t>(value->range.least)) : otherwise;
}
std::uint64_t Fields::number(std::string_view key, std::uint64_t otherwise) const {
  const auto* value = find(key);
  return value ? value->number : otherwise;
}
const std::vector<std::string>& Fields::names(std::string_view key) const {
  static const std::vector<std::string> kNone;
  const auto* value = find(key);
  return value ? value->names : kNone;
}
std::string Fields::text(std::string_view key) const {
  const auto* value = find(key);
  return value ? value->text : std::string();
}

std::string unknown(std::string_view what, std::string_view got, const std::vector<std::string_view>& known,
                    std::string_view where) {
  std::string text = "unknown " + std::string(what) + " \"" + std::string(got) + '"';
  if (!where.empty()) text += " (in " + std::string(where) + ')';
  std::string_view nearest;
  std::size_t distance = std::max<std::size_t>(2, got.size() / 2) + 1;
  for (const auto each : known) {
    const std::size_t to_this = edit_distance(got, each);
    if (to_this >= distance) continue;
    distance = to_this;
    nearest = each;
  }
  if (!nearest.empty()) return text + "; did you mean \"" + std::string(nearest) + "\"?";
  text += "; there are:";
  for (const auto each : known)
    text.append(" ").append(each);
  return text;
}

std::optional<Value> read_value(const YamlNode& node, ValueKind kind, std::string_view key, Complaints& complaints) {
  Value value;
  value.place = node.place;
  value.text = node.scalar;
  bool good = node.kind == YamlNode::Kind::scalar && read_scalar(node.scalar, kind, value);
  if (kind == ValueKind::names && node.kind == YamlNode::Kind::list) {
    good = true;
    for (const auto& item : node.items) {
      good = good && item.kind == YamlNode::Kind::scalar;
      value.names.push_back(item.scalar);
    }
  }
  if (good) return value;
  const std::string got = node.kind == YamlNode::Kind::scalar ? ", not \"" + node.scalar + '"' : "";
  complaints.add(node.place, '"' + std::string(key) + "\" wants a " + std::string(to_string(kind)) + " (" +
                                 std::string(example_of(kind)) + ')' + got);
  return std::nullopt;
}

namespace {

// Whether a value that is of the right kind is also one of those that the key takes.
bool fits(const KeySpec& spec, const Value& value, Complaints& complaints) {
  if (spec.positive && value.range.least == 0) {
    complaints.add(value.place, '"' + std::string(spec.name) + "\" is more than 0");
    return false;
  }
  if (spec.words.empty()) return true;
  const auto wrong =
      std::ranges::find_if(value.names, [&](const auto& name) { return std::ranges::count(spec.words, name) == 0; });
  if (wrong == value.names.end()) return true;
  complaints.add(value.place, unknown(spec.name, *wrong, {spec.words.begin(), spec.words.end()}));
  return false;
}

}  // namespace

Fields read_fields(const YamlNode& map, std::span<const KeySpec> keys, std::span<const KeySpec> more_keys,
                   std::string_view what, Complaints& complaints) {
  Fields fields;
  fields.place = map.place;
  if (map.kind != YamlNode::Kind::map) {
    if (map.kind != YamlNode::Kind::null)
      complaints.add(map.place, "here belong keys and values (" + std::string(what) + ')');
    return fields;
  }
  std::vector<const KeySpec*> specs;
  for (const auto& key : keys)
    specs.push_back(&key);
  for (const auto& key : more_keys)
    specs.push_back(&key);
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    const auto& [name, node] = map.entries[i];
    const auto spec = std::ranges::find_if(specs, [&](const KeySpec* each) { return each->name == name; });
    if (spec == specs.end()) {
      std::vector<std::string_view> known;
      for (const auto* each : specs)
        known.push_back(each->name);
      complaints.add(map.key_places[i], unknown("key", name, known, what));
      continue;
    }
    auto value = read_value(node, (*spec)->kind, name, complaints);
    if (value && fits(**spec, *value, complaints)) fields.values_.emplace(name, std::move(*value));
  }
  for (const auto* each : specs) {
    if (each->required && !map.find(each->name))
      complaints.add(map.place, std::string(what) + " wants the key \"" + std::string(each->name) + '"');
  }
  return fields;
}

}  // namespace gopher::sim
