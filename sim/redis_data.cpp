#include "sim/redis_data.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace gopher::sim {

namespace {

constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

// Arity counts the name, as Redis's own table does.
struct Signature {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  bool writes;
};
constexpr Signature kSignatures[] = {
    {"SADD", 3, kAny, true}, {"SREM", 3, kAny, true}, {"SMEMBERS", 2, 2, false}, {"SCARD", 2, 2, false},
    {"ZADD", 4, kAny, true}, {"ZREM", 3, kAny, true}, {"ZRANGE", 4, 5, false},   {"DEL", 2, kAny, true},
};

const Signature* signature(std::string_view name) noexcept {
  for (const auto& each : kSignatures)
    if (each.name == name) return &each;
  return nullptr;
}

template <class Number>
bool parse(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string score_text(double score) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, score).ptr};
}

std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return text;
}

}  // namespace

bool RedisData::knows(std::string_view name) noexcept { return signature(name) != nullptr; }

bool RedisData::writes(std::string_view name) noexcept {
  const auto* known = signature(name);
  return known && known->writes;
}

std::string RedisData::objection(const resp::Command& command) {
  const auto& known = *signature(command.front());
  if (command.size() < known.least || command.size() > known.most)
    return "ERR wrong number of arguments for '" + lower(known.name) + "' command";
  return {};
}

std::string RedisData::execute(const resp::Command& command) {
  const std::string& name = command.front();
  if (name == "SADD") return sadd(command);
  if (name == "SREM") return srem(command);
  if (name == "SMEMBERS") return smembers(command);
  if (name == "SCARD") return scard(command);
  if (name == "ZADD") return zadd(command);
  if (name == "ZREM") return zrem(command);
  if (name == "ZRANGE") return zrange(command);
  return del(command);
}

void RedisData::clear() {
  for (const auto& [key, value] : values_)
    ++versions_[key];
  values_.clear();
}

std::uint64_t RedisData::version(const std::string& key) const {
  const auto found = versions_.find(key);
  return found == versions_.end() ? 0 : found->second;
}

std::vector<std::string> RedisData::members(const std::string& key) const {
  bool wrong_type = false;
  const auto* set = find<Set>(key, wrong_type);
  return set ? std::vector<std::string>(set->begin(), set->end()) : std::vector<std::string>();
}

template <class Kind>
const Kind* RedisData::find(const std::string& key, bool& wrong_type) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  const auto* value = std::get_if<Kind>(&found->second);
  wrong_type = !value;
  return value;
}

template <class Kind>
Kind* RedisData::make(const std::string& key) {
  return std::get_if<Kind>(&values_.try_emplace(key, Kind{}).first->second);
}

// A key whose value has become empty is gone, as in Redis.
void RedisData::changed(const std::string& key) {
  ++versions_[key];
  const auto found = values_.find(key);
  if (found != values_.end() && std::visit([](const auto& value) { return value.empty(); }, found->second))
    values_.erase(found);
}

std::string RedisData::sadd(const resp::Command& command) {
  auto* set = make<Set>(command[1]);
  if (!set) return resp::error(kWrongType);
  const auto before = set->size();
  set->insert(command.begin() + 2, command.end());
  const auto added = set->size() - before;
  if (added > 0) changed(command[1]);
  return resp::integer(static_cast<std::int64_t>(added));
}

std::string RedisData::srem(const resp::Command& command) {
  bool wrong_type = false;
  if (!find<Set>(command[1], wrong_type)) return wrong_type ? resp::error(kWrongType) : resp::integer(0);
  auto& set = *make<Set>(command[1]);
  std::size_t removed = 0;
  for (std::size_t i = 2; i < command.size(); ++i)
    removed += set.erase(command[i]);
  if (removed > 0) changed(command[1]);
  return resp::integer(static_cast<std::int64_t>(removed));
}

std::string RedisData::smembers(const resp::Command& command) const {
  bool wrong_type = false;
  const auto* set = find<Set>(command[1], wrong_type);
  if (wrong_type) return resp::error(kWrongType);
  std::string reply = resp::array_head(set ? set->size() : 0);
  if (set) {
    for (const auto& member : *set)
      reply += resp::bulk(member);
  }
  return reply;
}

std::string RedisData::scard(const resp::Command& command) const {
  bool wrong_type = false;
  const auto* set = find<Set>(command[1], wrong_type);
  if (wrong_type) return resp::error(kWrongType);
  return resp::integer(set ? static_cast<std::int64_t>(set->size()) : 0);
}

std::string RedisData::zadd(const resp::Command& command) {
  if (command.size() % 2 != 0) return resp::error("ERR syntax error");
  std::vector<double> scores;
  for (std::size_t i = 2; i < command.size(); i += 2) {
    double score = 0;
    if (!parse(command[i], score) || std::isnan(score)) return resp::error("ERR value is not a valid float");
    scores.push_back(score);
  }
  auto* set = make<SortedSet>(command[1]);
  if (!set) return resp::error(kWrongType);
  const auto before = set->size();
  for (std::size_t i = 0; i < scores.size(); ++i)
    (*set)[command[3 + 2 * i]] = scores[i];
  const auto added = set->size() - before;
  changed(command[1]);
  return resp::integer(static_cast<std::int64_t>(added));
}

std::string RedisData::zrem(const resp::Command& command) {
  bool wrong_type = false;
  if (!find<SortedSet>(command[1], wrong_type)) return wrong_type ? resp::error(kWrongType) : resp::integer(0);
  auto& set = *make<SortedSet>(command[1]);
  std::size_t removed = 0;
  for (std::size_t i = 2; i < command.size(); ++i)
    removed += set.erase(command[i]);
  if (removed > 0) changed(command[1]);
  return resp::integer(static_cast<std::int64_t>(removed));
}

std::string RedisData::zrange(const resp::Command& command) const {
  const bool with_scores = command.size() == 5;
  if (with_scores && lower(command[4]) != "withscores") return resp::error("ERR syntax error");
  std::int64_t first = 0;
  std::int64_t last = 0;
  if (!parse(command[2], first) || !parse(command[3], last))
    return resp::error("ERR value is not an integer or out of range");
  bool wrong_type = false;
  const auto* set = find<SortedSet>(command[1], wrong_type);
  if (wrong_type) return resp::error(kWrongType);
  if (!set) return resp::array_head(0);

  // By score, then by member.
  std::vector<std::pair<double, std::string_view>> order;
  for (const auto& [member, score] : *set)
    order.emplace_back(score, member);
  std::sort(order.begin(), order.end());
  const auto size = static_cast<std::int64_t>(order.size());
  if (first < 0) first = std::max<std::int64_t>(0, first + size);
  last = std::min(last < 0 ? last + size : last, size - 1);
  if (first > last) return resp::array_head(0);
  const auto count = static_cast<std::size_t>(last - first + 1);
  std::string reply = resp::array_head(with_scores ? 2 * count : count);
  for (std::int64_t i = first; i <= last; ++i) {
    const auto& [score, member] = order[static_cast<std::size_t>(i)];
    reply += resp::bulk(member);
    if (with_scores) reply += resp::bulk(score_text(score));
  }
  return reply;
}

std::string RedisData::del(const resp::Command& command) {
  std::int64_t removed = 0;
  for (std::size_t i = 1; i < command.size(); ++i) {
    if (values_.erase(command[i]) == 0) continue;
    ++removed;
    ++versions_[command[i]];
  }
  return resp::integer(removed);
}

}  // namespace gopher::sim
