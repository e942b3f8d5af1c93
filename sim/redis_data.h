// RedisData: one database of the virtual Redis: keys with a set or a sorted set, and the commands on them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/resp_server.h"

namespace gopher::sim {

class RedisData {
 public:
  // True when this is a command on keys that the virtual Redis knows, whatever its arguments.
  static bool knows(std::string_view name) noexcept;
  static bool writes(std::string_view name) noexcept;
  // Why these arguments cannot be, in Redis's words; empty when they can.
  static std::string objection(const resp::Command& command);

  // The reply, in bytes. `command` is known and without objection.
  std::string execute(const resp::Command& command);
  void clear();

  // Grows with each change of the key: what WATCH compares.
  std::uint64_t version(const std::string& key) const;

  // For truth and oracles.
  std::vector<std::string> members(const std::string& key) const;
  friend bool operator==(const RedisData& a, const RedisData& b) { return a.values_ == b.values_; }

 private:
  using Set = std::set<std::string>;
  using SortedSet = std::map<std::string, double>;
  using Value = std::variant<Set, SortedSet>;

  template <class Kind>
  const Kind* find(const std::string& key, bool& wrong_type) const;
  template <class Kind>
  Kind* make(const std::string& key);
  void changed(const std::string& key);

  std::string sadd(const resp::Command& command);
  std::string srem(const resp::Command& command);
  std::string smembers(const resp::Command& command) const;
  std::string scard(const resp::Command& command) const;
  std::string zadd(const resp::Command& command);
  std::string zrem(const resp::Command& command);
  std::string zrange(const resp::Command& command) const;
  std::string del(const resp::Command& command);

  std::map<std::string, Value> values_;
  std::map<std::string, std::uint64_t> versions_;
};

}  // namespace gopher::sim
