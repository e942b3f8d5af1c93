// Invariant: whatever a Redis server answers to a read or a change of the registry, the call ends within its timeout,
// either with all members and leases of a well-formed answer, sorted, or with a failure that has words; an answer in
// pieces gives what the bytes give that had come when the call ended; and the next call gets its own answer.
#include "io/redis/redis_registry.h"

#include <algorithm>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/input.h"
#include "tests/control_plane/scripted_redis.h"

namespace gopher::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr RedisConnectionSettings kSettings{.connect_timeout = 2s, .command_timeout = 2s, .limits = {}};
constexpr std::string_view kTime = "*2\r\n$10\r\n1767225600\r\n$1\r\n0\r\n";
constexpr std::string_view kRight = "*1\r\n$5\r\nright\r\n";

enum class Call { read_members, read_leases, change, renew };

// A change that was applied has no content.
using Outcome = std::expected<RegistryContent, ErrorKind>;

Outcome made(World& world, RedisRegistry& registry, Call call) {
  const Instant began = world.clock.now();
  Outcome outcome;
  if (call == Call::change || call == Call::renew) {
    RegistryChange change{.add = {"new"}, .remove = {"old"}, .release = {{"old", "me", {}}}};
    if (call == Call::renew) change.renew = {{"new", "me", 30s}};
    const auto applied = world.get(registry.apply(std::move(change)));
    if (!applied) outcome = std::unexpected(applied.error().kind);
  } else {
    using enum Registry::Read;
    auto content = world.get(registry.read(call == Call::read_members ? members : members_and_leases));
    outcome = content ? Outcome(std::move(*content)) : std::unexpected(content.error().kind);
  }
  require(world.clock.now() - began <= kSettings.command_timeout + 20ms, "a call ends within its timeout");
  return outcome;
}

std::vector<Step> in_pieces(const Input& input) {
  std::vector<Step> steps;
  for (Pieces pieces(input); !pieces.empty();)
    steps.push_back({std::string(pieces.next()), 1ms});
  return steps;
}

// What a server that answers so tells of its set; nothing when no server answers so.
std::optional<std::vector<std::string>> members_told(std::string_view bytes) {
  RespReader reader(kSettings.limits);
  reader.begin();
  if (!reader.feed(std::as_bytes(std::span(bytes)))) return {};
  auto reply = reader.next();
  if (!reply || !*reply || reader.has_leftover() || (*reply)->type != RespValue::Type::array) return {};
  std::vector<std::string> members;
  for (const auto& element : (*reply)->elements) {
    if (element.type != RespValue::Type::bulk) return {};
    members.push_back(element.text);
  }
  std::ranges::sort(members);
  const auto repeats = std::ranges::unique(members);
  members.erase(repeats.begin(), repeats.end());
  return members;
}

void check_content(const RegistryContent& content, std::string_view bytes) {
  require(std::ranges::adjacent_find(content.members, std::ranges::greater_equal()) == content.members.end(),
          "members are sorted, without repeats");
  const auto key = [](const RegistryLease& lease) { return std::pair(lease.member, lease.owner); };
  require(std::ranges::is_sorted(content.leases, {}, key), "leases are sorted");
  for (const auto& lease : content.leases) {
    const auto text = lease.owner.empty() ? lease.member : lease.member + ' ' + lease.owner;
    require(bytes.contains("\r\n" + text + "\r"), "a lease stands in the answer", text);
    require(lease.remaining <= 24h && lease.remaining >= -24h, "a lease is within its bound");
  }
}

Outcome answered_with(const Input& input, Call call) {
  World world;
  auto& proxy = world.network.add_node("proxy", {"10.0.0.1"});
  ScriptedServer server(world, world.network.add_node("redis", {"10.0.0.2"}));
  if (call == Call::renew) server.scripts.push_back({{std::string(kTime)}});
  server.scripts.push_back(in_pieces(input));
  server.scripts.push_back({{std::string(kRight)}});
  Outcome outcome;
  {
    RedisRegistry registry(proxy.connector(), proxy.clock(), *RedisUrl::parse("redis:6379"), {.connection = kSettings});
    outcome = made(world, registry, call);
    // A server may refuse without a word.
    require(outcome || outcome.error() == ErrorKind::rejected || !registry.last_failure().empty(),
            "a failure has words");
    if (outcome) check_content(*outcome, input.bytes);
    world.run(1s);  // what comes late comes before the next call
    const Outcome next = made(world, registry, Call::read_members);
    require(next && next->members == std::vector<std::string>{"right"}, "the next call gets its own answer",
            registry.last_failure());
  }
  world.run(1s);
  require(world.network.open_streams() == 0, "a call keeps nothing open");
  return outcome;
}

// Whether the bytes up to the end of some piece, whole, have the same outcome.
bool is_of_a_beginning(const Outcome& outcome, const Input& input, Call call) {
  Input beginning = input.whole();
  beginning.bytes = {};
  for (Pieces pieces(input); !pieces.empty();) {
    beginning.bytes = input.bytes.substr(0, beginning.bytes.size() + pieces.next().size());
    if (answered_with(beginning, call) == outcome) return true;
  }
  return false;
}

void check(const Input& input) {
  for (const Call call : {Call::read_members, Call::read_leases, Call::change, Call::renew}) {
    const Outcome whole = answered_with(input.whole(), call);
    if (const auto told = members_told(input.bytes); told && call == Call::read_members)
      require(whole && whole->members == *told, "a well-formed set is read");
    const Outcome split = answered_with(input, call);
    require(split == whole || is_of_a_beginning(split, input, call), "pieces change nothing");
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
