// Invariant: whatever a Redis server answers to a read or a change of the registry, the call ends within its timeouts,
// either with members and leases that stand in the answer, sorted and within their bounds, or with a failure that has
// words; the pieces in which the answer comes change nothing of that; and the next call gets its own answer.
#include "io/redis/redis_registry.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "core/async/task_group.h"
#include "fuzz/input.h"
#include "sim/clock.h"
#include "sim/network.h"

namespace gopher::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 6379;
constexpr RedisConnectionSettings kSettings{.connect_timeout = 2s, .command_timeout = 2s, .limits = {}};
constexpr Duration kMostLease = 24h;

enum class Call { read_members, read_leases, change };

// What a call gave. The words of a failure are not compared: they may tell where in the answer it was.
struct Outcome {
  std::optional<RegistryContent> content;
  std::optional<ErrorKind> failure;
};

bool same(const Outcome& a, const Outcome& b) {
  if (a.failure != b.failure || a.content.has_value() != b.content.has_value()) return false;
  return !a.content || (a.content->members == b.content->members && a.content->leases == b.content->leases);
}

// Answers the first pipeline with the input and each later one with the one member "right", and never closes.
class Server {
 public:
  Server(sim::SimClock& clock, sim::SimNode& node, const Input& answer)
      : clock_(clock), answer_(answer), listener_(std::move(*node.listen(kPort))) {
    running_.spawn(accept(*this));
  }
  void stop() {
    listener_->close();
    require(clock_.run_until([this] { return running_.size() == 0; }, clock_.now() + 1h), "a call keeps nothing open");
  }

 private:
  static Task<void> accept(Server& self) {
    TaskGroup connections;
    while (!co_await wait_acceptable(*self.listener_))
      if (auto stream = self.listener_->try_accept()) connections.spawn(serve(self, std::move(*stream)));
    co_await connections.join();
  }
  static Task<void> serve(Server& self, std::unique_ptr<Stream> stream) {
    std::array<std::byte, 4096> commands;
    Cancellation never;
    for (;;) {
      const auto read = co_await read_some(*stream, commands, self.clock_.now() + 1h);
      if (!read || *read == 0) break;
      Input answer = self.answer_;
      if (std::exchange(self.answered_, true)) {
        answer.plan = {};
        answer.bytes = "*1\r\n$5\r\nright\r\n";
      }
      for (Pieces pieces(answer); !pieces.empty();) {
        const auto piece = pieces.next();
        co_await write_all(*stream, self.clock_, 1h, WriteBuffer(std::as_bytes(std::span(piece))));
        co_await sleep_until(self.clock_, self.clock_.now() + 1ms, never);
      }
    }
    stream->close();
  }

  sim::SimClock& clock_;
  const Input answer_;
  bool answered_ = false;
  std::unique_ptr<Listener> listener_;
  TaskGroup running_;
};

Task<void> make_call(RedisRegistry& registry, Call call, std::optional<Outcome>& told) {
  Outcome outcome;
  if (call == Call::change) {
    auto applying = registry.apply({.add = {"new"}, .remove = {"old"}, .renew = {}, .release = {{"old", "me", {}}}});
    if (const auto applied = co_await applying; !applied) outcome.failure = applied.error().kind;
  } else {
    using enum Registry::Read;
    auto reading = registry.read(call == Call::read_members ? members : members_and_leases);
    auto content = co_await reading;
    if (content) {
      outcome.content = std::move(*content);
    } else {
      outcome.failure = content.error().kind;
    }
  }
  told = std::move(outcome);
}

Outcome finished(sim::SimClock& clock, RedisRegistry& registry, Call call) {
  std::optional<Outcome> told;
  TaskGroup calling;
  calling.spawn(make_call(registry, call, told));
  const Instant latest = clock.now() + kSettings.connect_timeout + kSettings.command_timeout + 1s;
  require(clock.run_until([&] { return calling.size() == 0; }, latest), "a call ends within its timeouts");
  return std::move(*told);
}

void check_content(const RegistryContent& content, std::string_view bytes) {
  require(content.members.size() <= Registry::kMaxMembers, "a set is within its bound");
  require(std::ranges::adjacent_find(content.members, std::ranges::greater_equal()) == content.members.end(),
          "members are sorted, without repeats");
  for (const auto& member : content.members)
    require(bytes.contains(member), "a member stands in the answer", member);
  const auto key = [](const RegistryLease& lease) { return std::pair(lease.member, lease.owner); };
  require(std::ranges::is_sorted(content.leases, {}, key), "leases are sorted");
  for (const auto& lease : content.leases) {
    require(bytes.contains(lease.owner.empty() ? lease.member : lease.member + ' ' + lease.owner),
            "a lease stands in the answer", lease.member);
    require(lease.remaining <= kMostLease && lease.remaining >= -kMostLease, "a lease is within its bound");
  }
}

Outcome answered_with(const Input& input, Call call) {
  sim::SimClock clock;
  sim::SimNetwork network(clock, 1);
  auto& proxy = network.add_node("proxy", {"10.0.0.1"});
  Server server(clock, network.add_node("redis", {"10.0.0.2"}), input);
  Outcome outcome;
  {
    RedisRegistry registry(proxy.connector(), proxy.clock(), *RedisUrl::parse("redis:6379"), {.connection = kSettings});
    outcome = finished(clock, registry, call);
    // A server may refuse without a word.
    require(!outcome.failure || outcome.failure == ErrorKind::rejected || !registry.last_failure().empty(),
            "a failure has words");
    if (outcome.content) check_content(*outcome.content, input.bytes);
    clock.run_for(1s);  // what comes late comes before the next call
    const Outcome next = finished(clock, registry, Call::read_members);
    require(next.content && next.content->members == std::vector<std::string>{"right"},
            "the next call gets its own answer", registry.last_failure());
  }
  server.stop();
  return outcome;
}

void check(const Input& input) {
  for (const Call call : {Call::read_members, Call::read_leases, Call::change}) {
    const Outcome whole = answered_with(input.whole(), call);
    const Outcome split = answered_with(input, call);
    // A byte too many is met by the call, or, when it comes late, by the next.
    require(same(whole, split) || whole.failure == ErrorKind::malformed, "pieces change nothing");
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
