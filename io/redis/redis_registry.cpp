#include "io/redis/redis_registry.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/async/sleep.h"

namespace gopher {

namespace {

using std::chrono::milliseconds;

// Leases that a read accepts; several sentinels may hold one each on the same member.
constexpr std::size_t kMaxLeases = 4 * Registry::kMaxMembers;
// A score out of this range was not written by a sentinel; cut, so that no sum overflows.
constexpr double kMaxRemainingMs = 24.0 * 3600 * 1000;

Error registry_error(ErrorKind kind) { return {kind, ErrorSource::registry}; }

// TIME: seconds and microseconds, as two bulk strings.
std::optional<std::int64_t> milliseconds_of(const RespValue& time) {
  if (time.elements.size() != 2) return std::nullopt;
  std::int64_t parts[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string& text = time.elements[i].text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  }
  static constexpr std::int64_t kYear3000 = 32503680000;
  if (parts[0] < 0 || parts[0] > kYear3000 || parts[1] < 0 || parts[1] >= 1'000'000) return std::nullopt;
  return parts[0] * 1000 + parts[1] / 1000;
}

std::optional<double> score_of(const RespValue& value) {
  double score = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stopped, error] = std::from_chars(value.text.data(), end, score);
  if (error != std::errc() || stopped != end || std::isnan(score)) return std::nullopt;
  return score;
}

std::string lease_text(const RegistryLease& lease) {
  return lease.owner.empty() ? lease.member : lease.member + ' ' + lease.owner;
}

RegistryLease lease_of(const std::string& text, Duration remaining) {
  const auto space = text.find(' ');
  if (space == std::string::npos) return {.member = text, .owner = {}, .remaining = remaining};
  return {.member = text.substr(0, space), .owner = text.substr(space + 1), .remaining = remaining};
}

bool is_array_of_texts(const RespValue& reply) {
  return reply.type == RespValue::Type::array &&
         std::ranges::all_of(reply.elements, [](const auto& element) { return element.type == RespValue::Type::bulk; });
}

bool read_members(const RespValue& reply, std::vector<std::string>& members) {
  if (!is_array_of_texts(reply)) return false;
  for (const RespValue& element : reply.elements)
    members.push_back(element.text);
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return true;
}

bool read_leases(const RespValue& reply, std::int64_t now_ms, std::vector<RegistryLease>& leases) {
  if (!is_array_of_texts(reply) || reply.elements.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < reply.elements.size(); i += 2) {
    const auto score = score_of(reply.elements[i + 1]);
    if (!score) return false;
    const double left = std::clamp(*score - static_cast<double>(now_ms), -kMaxRemainingMs, kMaxRemainingMs);
    leases.push_back(lease_of(reply.elements[i].text, milliseconds(static_cast<std::int64_t>(left))));
  }
  std::sort(leases.begin(), leases.end(), [](const RegistryLease& a, const RegistryLease& b) {
    return a.member != b.member ? a.member < b.member : a.owner < b.owner;
  });
  return true;
}

RedisCommand with_arguments(std::string name, const std::string& key, const std::vector<std::string>& arguments) {
  RedisCommand command{std::move(name), key};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::vector<RedisCommand> transaction(const RegistryChange& change, const std::string& members_key,
                                      const std::string& leases_key, std::int64_t now_ms) {
  std::vector<RedisCommand> commands{{"MULTI"}};
  if (!change.add.empty()) commands.push_back(with_arguments("SADD", members_key, change.add));
  if (!change.remove.empty()) commands.push_back(with_arguments("SREM", members_key, change.remove));
  std::vector<std::string> arguments;
  for (const RegistryLease& lease : change.renew) {
    const auto left = std::chrono::duration_cast<milliseconds>(lease.remaining).count();
    arguments.push_back(std::to_string(now_ms + left));
    arguments.push_back(lease_text(lease));
  }
  if (!arguments.empty()) commands.push_back(with_arguments("ZADD", leases_key, arguments));
  arguments.clear();
  for (const RegistryLease& lease : change.release)
    arguments.push_back(lease_text(lease));
  if (!arguments.empty()) commands.push_back(with_arguments("ZREM", leases_key, arguments));
  commands.push_back({"EXEC"});
  return commands;
}

}  // namespace

RedisRegistry::RedisRegistry(Connector& connector, Clock& clock, const RedisUrl& url,
                             const RedisRegistrySettings& settings)
    : clock_(clock),
      members_key_(settings.key),
      leases_key_("{" + settings.key + "}:leases"),
      connection_(connector, clock, url, settings.connection) {}

Task<Expected<RegistryContent>> RedisRegistry::read(Read what) {
  const bool with_leases = what == Read::members_and_leases;
  std::vector<RedisCommand> commands;
  if (with_leases) {
    commands.push_back({"UNWATCH"});
    commands.push_back({"WATCH", members_key_, leases_key_});
    commands.push_back({"TIME"});
    commands.push_back({"ZRANGE", leases_key_, "0", "-1", "WITHSCORES"});
  }
  commands.push_back({"SMEMBERS", members_key_});
  auto calling = connection_.call(std::move(commands));
  const auto replies = co_await calling;
  if (!replies) {
    last_failure_ = connection_.last_failure();
    co_return std::unexpected(replies.error());
  }
  RegistryContent content;
  if (!read_members(replies->back(), content.members)) co_return std::unexpected(unexpected_reply("SMEMBERS"));
  if (with_leases) {
    const auto now_ms = milliseconds_of((*replies)[2]);
    if (!now_ms) co_return std::unexpected(unexpected_reply("TIME"));
    if (!read_leases((*replies)[3], *now_ms, content.leases)) co_return std::unexpected(unexpected_reply("ZRANGE"));
  }
  if (content.members.size() > kMaxMembers || content.leases.size() > kMaxLeases) {
    last_failure_ = "the set " + members_key_ + " or its leases are larger than any that this system balances over";
    co_return std::unexpected(registry_error(ErrorKind::too_large));
  }
  co_return content;
}

Task<Expected<void>> RedisRegistry::apply(RegistryChange change) {
  if (change.empty()) co_return Expected<void>{};
  std::int64_t now_ms = 0;
  if (!change.renew.empty()) {
    std::vector<RedisCommand> ask_time{{"TIME"}};
    auto asking = connection_.call(std::move(ask_time));
    const auto replies = co_await asking;
    if (!replies) {
      last_failure_ = connection_.last_failure();
      co_return std::unexpected(replies.error());
    }
    const auto time = milliseconds_of(replies->front());
    if (!time) co_return std::unexpected(unexpected_reply("TIME"));
    now_ms = *time;
  }
  std::vector<RedisCommand> commands = transaction(change, members_key_, leases_key_, now_ms);
  auto calling = connection_.call(std::move(commands));
  const auto replies = co_await calling;
  if (!replies) {
    last_failure_ = connection_.last_failure();
    co_return std::unexpected(replies.error());
  }
  const RespValue& executed = replies->back();
  if (executed.type == RespValue::Type::nil) {
    last_failure_ = "another writer was faster";
    co_return std::unexpected(registry_error(ErrorKind::would_block));
  }
  if (executed.type != RespValue::Type::array) co_return std::unexpected(unexpected_reply("EXEC"));
  co_return Expected<void>{};
}

Task<void> RedisRegistry::wait_for_change(Instant until, Cancellation& cancellation) {
  co_await sleep_until(clock_, until, cancellation);
}

Error RedisRegistry::unexpected_reply(std::string_view command) {
  last_failure_ = "a reply to " + std::string(command) + " that no Redis gives";
  return registry_error(ErrorKind::malformed);
}

}  // namespace gopher
