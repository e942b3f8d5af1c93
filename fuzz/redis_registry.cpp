// Invariant: whatever a Redis server answers to a read or a change of the registry, the call ends within its timeout,
// either with all members and leases of a well-formed answer, sorted, or with a failure that has words; an answer in
// pieces gives what the bytes give that had come when the call ended; and the next call gets its own answer.
#include "io/redis/redis_registry.h"

#include <algorithm>
#include <array>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
constexpr std::string_view kTime = "*2\r\n$10\r\n1767225600\r\n$1\r\n0\r\n";
constexpr std::string_view kRight = "*1\r\n$5\r\nright\r\n";

enum class Call { read_members, read_leases, change, renew };

// A change that was applied has no content.
using Outcome = std::expected<RegistryContent, ErrorKind>;

// Answers each pipeline of commands with the next of the answers, the last one in the pieces of its plan, and pipelines
// behind it with the one member "right"; never closes.
class Server {
 public:
  Server(sim::SimClock& clock, sim::SimNode& node, std::vector<Input> answers)
      : clock_(clock), answers_(std::move(answers)), listener_(std::move(*node.listen(kPort))) {
    running_.spawn(accept(*this));
  }
  void stop() {
    listener_->close();
    require(clock_.run_until([this] { return running_.size() == 0; }, clock_.now() + 1s), "a call keeps nothing open");
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
      const auto read = co_await read_some(*stream, commands, kNever);
      if (!read || *read == 0) break;
      Input answer = self.answers_.back();
      if (self.answered_ < self.answers_.size()) {
        answer = self.answers_[self.answered_++];
      } else {
        answer.plan = {};
        answer.bytes = kRight;
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
  const std::vector<Input> answers_;
  std::size_t answered_ = 0;
  std::unique_ptr<Listener> listener_;
  TaskGroup running_;
};

Task<void> make_call(RedisRegistry& registry, Call call, std::optional<Outcome>& told) {
  if (call == Call::change || call == Call::renew) {
    RegistryChange change{.add = {"new"}, .remove = {"old"}, .release = {{"old", "me", {}}}};
    if (call == Call::renew) change.renew = {{"new", "me", 30s}};
    auto applying = registry.apply(std::move(change));
    const auto applied = co_await applying;
    told = applied ? Outcome() : std::unexpected(applied.error().kind);
  } else {
    using enum Registry::Read;
    auto reading = registry.read(call == Call::read_members ? members : members_and_leases);
    auto content = co_await reading;
    told = content ? Outcome(std::move(*content)) : std::unexpected(content.error().kind);
  }
}

Outcome finished(sim::SimClock& clock, RedisRegistry& registry, Call call) {
  std::optional<Outcome> told;
  TaskGroup calling;
  calling.spawn(make_call(registry, call, told));
  const Instant latest = clock.now() + kSettings.command_timeout + 20ms;
  require(clock.run_until([&] { return calling.size() == 0; }, latest), "a call ends within its timeout");
  return std::move(*told);
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
  sim::SimClock clock;
  sim::SimNetwork network(clock, 1);
  auto& proxy = network.add_node("proxy", {"10.0.0.1"});
  std::vector<Input> answers{input};
  if (call == Call::renew) {
    answers.insert(answers.begin(), input);
    answers.front().plan = {};
    answers.front().bytes = kTime;
  }
  Server server(clock, network.add_node("redis", {"10.0.0.2"}), std::move(answers));
  Outcome outcome;
  {
    RedisRegistry registry(proxy.connector(), proxy.clock(), *RedisUrl::parse("redis:6379"), {.connection = kSettings});
    outcome = finished(clock, registry, call);
    // A server may refuse without a word.
    require(outcome || outcome.error() == ErrorKind::rejected || !registry.last_failure().empty(),
            "a failure has words");
    if (outcome) check_content(*outcome, input.bytes);
    clock.run_for(1s);  // what comes late comes before the next call
    const Outcome next = finished(clock, registry, Call::read_members);
    require(next && next->members == std::vector<std::string>{"right"}, "the next call gets its own answer",
            registry.last_failure());
  }
  server.stop();
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
