// A small virtual world for the control plane: a clock, a network, backends that answer probes, a registry that can be
// lost, and a record of all events as text.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "core/async/task_group.h"
#include "core/membership/in_memory_registry.h"
#include "core/ports/observer.h"
#include "sim/clock.h"
#include "sim/network.h"
#include "tests/addresses.h"

namespace gopher {

// Keeps each event as one line of text.
class EventRecord final : public Observer {
 public:
  void on(const Event& event) noexcept override {
    std::visit(Overloaded{
                   [&](const ProbeFinished& e) {
                     ++probes[std::string(e.backend)];
                     if (!e.succeeded) last_failure[std::string(e.backend)] = e.failure;
                   },
                   [&](const VerdictChanged& e) {
                     lines.push_back(text(e.backend, " is ", to_string(e.to)) +
                                     (e.to == Verdict::up ? "" : text(" (", to_string(e.reason), ")")));
                   },
                   [&](const MemberAdded& e) { lines.push_back(text("added ", e.backend)); },
                   [&](const MemberRemoved& e) { lines.push_back(text("removed ", e.backend)); },
                   [&](const MemberRejected& e) { lines.push_back(text("rejected ", e.text, ": ") + text(e.why)); },
                   [&](const RejectedMemberGone& e) { lines.push_back(text("no longer rejected ", e.text)); },
                   [&](const RegistryFailed& e) {
                     failures.push_back(e.consecutive_failures);
                     pauses.push_back(e.retry_in);
                     if (e.consecutive_failures == 1) lines.push_back(text("registry lost: ", to_string(e.error.kind)));
                   },
                   [&](const RegistrySucceeded& e) {
                     if (e.recovered) lines.push_back("registry back");
                   },
                   [&](const RegistryWritten& e) {
                     lines.push_back("wrote +" + std::to_string(e.added) + " -" + std::to_string(e.removed));
                   },
                   [](const auto&) {},
               },
               event);
  }

  std::size_t count(std::string_view line) const {
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
  }

  std::vector<std::string> lines;
  std::map<std::string, int> probes;
  std::map<std::string, ErrorKind> last_failure;
  std::vector<std::uint32_t> failures;
  std::vector<Duration> pauses;

 private:
  template <class... Parts>
  static std::string text(const Parts&... parts) {
    std::string joined;
    (joined.append(parts), ...);
    return joined;
  }
};

// Accepts connections; with a response, reads something first, then answers with it and closes.
class SimBackend {
 public:
  SimBackend(sim::SimClock& clock, sim::SimNode& node, std::uint16_t port) : clock_(clock), node_(node), port_(port) {
    start();
  }
  ~SimBackend() {
    stop();
    clock_.run_until([&] { return running_.size() == 0; }, clock_.now() + std::chrono::seconds(60));
  }

  void start() {
    listener_ = std::move(*node_.listen(port_));
    running_.spawn(accept(*this));
  }
  void stop() {
    if (listener_) listener_->close();
  }

  std::string response;  // empty: closes at once
  bool answers = true;   // false: holds connections and says nothing
  std::size_t accepted = 0;
  std::string last_request;

 private:
  static Task<void> accept(SimBackend& self) {
    Listener& listener = *self.listener_;
    TaskGroup connections;
    for (;;) {
      const auto error = co_await wait_acceptable(listener);
      if (error) break;
      auto stream = listener.try_accept();
      if (!stream) continue;
      ++self.accepted;
      connections.spawn(serve(self, std::move(*stream)));
    }
    co_await connections.join();
    self.listener_.reset();
  }
  static Task<void> serve(SimBackend& self, std::unique_ptr<Stream> stream) {
    std::array<std::byte, 512> buffer;
    const Instant deadline = self.clock_.now() + std::chrono::seconds(30);
    if (!self.answers || !self.response.empty()) {
      const auto read = co_await read_some(*stream, buffer, deadline);
      if (read) self.last_request.assign(reinterpret_cast<const char*>(buffer.data()), *read);
    }
    if (self.answers && !self.response.empty()) {
      const std::string copy = self.response;
      const WriteBuffer bytes = std::as_bytes(std::span(copy));
      co_await write_all(*stream, self.clock_, std::chrono::seconds(30), bytes);
      stream->shutdown_write();
    }
    for (;;) {  // until the peer has left
      const auto read = co_await read_some(*stream, buffer, deadline);
      if (!read || *read == 0) break;
    }
    stream->close();
  }

  sim::SimClock& clock_;
  sim::SimNode& node_;
  std::uint16_t port_;
  std::unique_ptr<Listener> listener_;
  TaskGroup running_;
};

// A registry that can be lost (every call fails) or emptied; it does not tell of changes, as Redis does not.
class LossyRegistry final : public Registry {
 public:
  explicit LossyRegistry(Clock& clock) : clock_(clock), content_(std::make_unique<InMemoryRegistry>(clock)) {}

  Task<Expected<RegistryContent>> read(Read what) override {
    ++reads;
    if (lost) co_return std::unexpected(Error{*lost, ErrorSource::registry});
    auto reading = content_->read(what);
    auto content = co_await reading;
    co_return content;
  }
  Task<Expected<void>> apply(RegistryChange change) override {
    ++writes;
    if (lost) co_return std::unexpected(Error{*lost, ErrorSource::registry});
    auto applying = content_->apply(std::move(change));
    auto applied = co_await applying;
    co_return applied;
  }
  Task<void> wait_for_change(Instant until, Cancellation& cancellation) override {
    co_await sleep_until(clock_, until, cancellation);
  }
  void close() noexcept override { content_->close(); }
  std::string last_failure() const override { return lost ? "the world took it" : ""; }

  void empty() { content_ = std::make_unique<InMemoryRegistry>(clock_); }

  std::optional<ErrorKind> lost;
  int reads = 0;
  int writes = 0;

 private:
  Clock& clock_;
  std::unique_ptr<InMemoryRegistry> content_;
};

class World {
 public:
  explicit World(std::uint64_t seed = 1) : network(clock, seed) {}

  // A node of that name and address with a backend on port 80.
  SimBackend& add_backend(const std::string& name, std::string_view address) {
    auto& node = network.add_node(name, {address});
    return *backends.emplace_back(std::make_unique<SimBackend>(clock, node, 80));
  }
  // Runs the task to its end.
  void finish(Task<void> task) {
    TaskGroup group;
    group.spawn(std::move(task));
    GOPHER_CHECK(clock.run_until([&] { return group.size() == 0; }, clock.now() + std::chrono::minutes(5)));
  }
  template <class T>
  T get(Task<T> task) {
    std::optional<T> value;
    finish(store(std::move(task), value));
    return std::move(*value);
  }
  void run(Duration duration) { clock.run_for(duration); }

  std::vector<std::string> members(Registry& registry) {
    auto content = get(registry.read(Registry::Read::members));
    return content ? content->members : std::vector<std::string>{"unreadable"};
  }
  void write(Registry& registry, RegistryChange change) { get(registry.apply(std::move(change))); }

  sim::SimClock clock;
  sim::SimNetwork network;
  EventRecord events;
  std::vector<std::unique_ptr<SimBackend>> backends;

 private:
  template <class T>
  static Task<void> store(Task<T> task, std::optional<T>& value) {
    T result = co_await task;
    value.emplace(std::move(result));
  }
};

}  // namespace gopher
