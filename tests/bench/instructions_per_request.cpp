// Keep-alive connections that ask again and again, through the whole data path of one worker: acceptor, session,
// limiter, balancer, pooled upstream connection, both heads and bodies. ./dev bench instructions counts what it
// executes.
//
//   instructions_per_request CASE EXCHANGES
//   CASE: get_small, get_64k, post_chunked_64k, get_small_of_1000, get_small_for_1000
//
// One client asks one backend. In get_small_of_1000 it asks 1,000 in turn; in get_small_for_1000 as many clients ask in
// turn, and an answer comes when a hundred of them wait for theirs.
//
// Beneath the data path stands not the simulator but the least that a network can be: streams that copy bytes out of a
// fixed text and check the number of those they are given. So the figure is the data path's own, and a change of the
// simulator does not move it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/async/check.h"
#include "core/async/task_group.h"
#include "core/async/timer_queue.h"
#include "core/session/acceptor.h"

namespace {

using namespace gopher;

class BenchClock final : public Clock {
 public:
  Instant now() const noexcept override { return now_; }
  WallInstant wall_now() const noexcept override { return WallInstant{} + (now_ - Instant{}); }
  void pass(Duration time) {
    now_ += time;
    timers_.fire_due(now_);
  }

 private:
  void arm(Timer& timer, Instant at) override { timers_.arm(timer, at); }
  void disarm(Timer& timer) noexcept override { timers_.disarm(timer); }

  TimerQueue timers_;
  Instant now_{std::chrono::hours(1)};
};

// Completions that are due: a wait ends from the loop, never within the call that began it.
class Loop {
 public:
  void complete(IoWait*& wait, std::optional<ErrorKind> error = {}) {
    if (wait) due_.push_back({std::exchange(wait, nullptr), error});
  }
  void connected(ConnectAttempt& attempt, std::unique_ptr<Stream> stream) {
    attempts_.push_back({&attempt, std::move(stream)});
  }
  bool turn() {
    if (!attempts_.empty()) {
      auto [attempt, stream] = std::move(attempts_.front());
      attempts_.pop_front();
      attempt->complete(std::move(stream));
      return true;
    }
    if (due_.empty()) return false;
    const auto [wait, error] = due_.front();
    due_.pop_front();
    wait->complete(error);
    return true;
  }

 private:
  struct Due {
    IoWait* wait;
    std::optional<ErrorKind> error;
  };
  std::deque<Due> due_;
  std::deque<std::pair<ConnectAttempt*, std::unique_ptr<Stream>>> attempts_;
};

class Wire;
using Wires = std::deque<Wire*>;

// A connection whose other end sends `text` each time it is asked to, and counts what it is sent.
class Wire {
 public:
  // When the other end is sent something, and nothing lies there, the wire goes to the end of `given`.
  Wire(Loop& loop, Wires& given) : loop_(loop), given_(given) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void send(std::string_view text) {
    GOPHER_CHECK(unread_.empty());
    unread_ = text;
    loop_.complete(reader);
  }
  // The bytes that the proxy has written since the last call.
  std::uint64_t take() { return std::exchange(taken_, 0); }
  bool ended = false;  // the proxy closed it
  IoWait* reader = nullptr;

 private:
  friend class WireStream;
  void give(std::uint64_t bytes) {
    if (taken_ == 0) given_.push_back(this);
    taken_ += bytes;
  }

  Loop& loop_;
  Wires& given_;
  std::uint64_t taken_ = 0;
  std::string_view unread_;
};

class WireStream final : public Stream {
 public:
  WireStream(Loop& loop, Wire& wire, const SocketAddress& peer) : loop_(loop), wire_(wire), peer_(peer) {}
  ~WireStream() override { wire_.ended = true; }

  std::expected<std::size_t, ErrorKind> try_read(ReadBuffer buffer) noexcept override {
    if (!open_) return std::unexpected(ErrorKind::closed);
    if (wire_.unread_.empty()) return std::unexpected(ErrorKind::would_block);
    const auto count = std::min(buffer.size(), wire_.unread_.size());
    std::memcpy(buffer.data(), wire_.unread_.data(), count);
    wire_.unread_.remove_prefix(count);
    return count;
  }
  std::expected<std::size_t, ErrorKind> try_write(std::span<const WriteBuffer> buffers) noexcept override {
    if (!open_) return std::unexpected(ErrorKind::closed);
    std::size_t count = 0;
    for (const auto& buffer : buffers)
      count += buffer.size();
    wire_.give(count);
    return count;
  }
  void wait_readable(IoWait& wait, Instant) override {
    wire_.reader = &wait;
    if (!open_) {
      loop_.complete(wire_.reader, ErrorKind::closed);
    } else if (!wire_.unread_.empty()) {
      loop_.complete(wire_.reader);
    }
  }
  void wait_writable(IoWait& wait, Instant) override {
    IoWait* writer = &wait;
    loop_.complete(writer);
  }
  void set_read_deadline(Instant) noexcept override {}
  void shutdown_write() noexcept override {}
  void close() noexcept override {
    open_ = false;
    loop_.complete(wire_.reader, ErrorKind::closed);
  }
  void reset() noexcept override { close(); }
  bool is_open() const noexcept override { return open_; }
  const SocketAddress& peer() const noexcept override { return peer_; }

 private:
  Loop& loop_;
  Wire& wire_;
  SocketAddress peer_;
  bool open_ = true;
};

constexpr std::uint16_t kFirstPort = 10'000;

class BenchNetwork final : public Connector {
 public:
  explicit BenchNetwork(Loop& loop) : loop_(loop) {}

  void connect(ConnectAttempt& attempt, const SocketAddress& to, Instant) override {
    loop_.connected(attempt, std::make_unique<WireStream>(loop_, upstream_.emplace_back(loop_, asked), to));
  }
  void cancel(ConnectAttempt&) noexcept override {}
  void resolve(ResolveAttempt&, std::string_view, Instant) override { GOPHER_CHECK(false); }
  void cancel(ResolveAttempt&) noexcept override {}

  std::size_t connections() const { return upstream_.size(); }

  Wires asked;  // backends' that were sent a request, in turn

 private:
  std::deque<Wire> upstream_;
  Loop& loop_;
};

// All clients are there from the beginning.
class Clients final : public Listener {
 public:
  Clients(Loop& loop, std::size_t count, const SocketAddress& peer, const SocketAddress& local)
      : loop_(loop), peer_(peer), local_(local) {
    while (wires_.size() < count)
      wires_.emplace_back(loop, answered);
  }

  Wire& operator[](std::uint64_t turn) { return wires_[turn % wires_.size()]; }

  std::expected<std::unique_ptr<Stream>, ErrorKind> try_accept() override {
    if (closed_) return std::unexpected(ErrorKind::closed);
    if (accepted_ == wires_.size()) return std::unexpected(ErrorKind::would_block);
    return std::make_unique<WireStream>(loop_, wires_[accepted_++], peer_);
  }
  void wait_acceptable(IoWait& wait) override {
    waiting_ = &wait;
    if (closed_) {
      loop_.complete(waiting_, ErrorKind::closed);
    } else if (accepted_ < wires_.size()) {
      loop_.complete(waiting_);
    }
  }
  void close() noexcept override {
    closed_ = true;
    loop_.complete(waiting_, ErrorKind::closed);
  }
  const SocketAddress& local() const noexcept override { return local_; }

  Wires answered;

 private:
  Loop& loop_;
  std::deque<Wire> wires_;
  SocketAddress peer_, local_;
  IoWait* waiting_ = nullptr;
  std::size_t accepted_ = 0;
  bool closed_ = false;
};

// Counts the requests that ended well; any other ends the program.
class Completed final : public Observer {
 public:
  void on(const Event& event) noexcept override {
    const auto* finished = std::get_if<RequestFinished>(&event);
    if (!finished) return;
    GOPHER_CHECK(finished->cause == Cause::completed && finished->status == 200);
    ++count;
  }
  std::uint64_t count = 0;
};

struct Exchange {
  std::string request, response;
  std::size_t body_bytes;  // of both
  std::size_t backends = 1;
  std::size_t clients = 1;    // in turn
  std::size_t in_flight = 1;  // when the first of them is answered
};

constexpr std::string_view kRequestFields =
    "Host: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n";
constexpr std::string_view kResponseFields =
    "Server: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n";

std::string response_of(std::size_t bytes) {
  return "HTTP/1.1 200 OK\r\n" + std::string(kResponseFields) + "Content-Length: " + std::to_string(bytes) +
         "\r\n\r\n" + std::string(bytes, 'x');
}

std::string chunked(std::size_t chunks, std::size_t bytes) {
  std::array<char, 16> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes, 16).ptr;
  std::string body;
  for (std::size_t i = 0; i < chunks; ++i)
    body += std::string(size.data(), end) + "\r\n" + std::string(bytes, 'x') + "\r\n";
  return body + "0\r\n\r\n";
}

std::optional<Exchange> exchange_of(std::string_view name) {
  const std::string fields(kRequestFields);
  const std::string get = "GET /index.html?q=1 HTTP/1.1\r\n" + fields + "\r\n";
  if (name == "get_small") return Exchange{get, response_of(13), 13};
  if (name == "get_small_for_1000")
    return Exchange{.request = get, .response = response_of(13), .body_bytes = 13, .clients = 1000, .in_flight = 100};
  if (name == "get_small_of_1000") return Exchange{get, response_of(13), 13, 1000};
  if (name == "get_64k") return Exchange{get, response_of(65536), 65536};
  if (name == "post_chunked_64k")
    return Exchange{"POST /upload HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n" + chunked(16, 4096),
                    response_of(13), 65536 + 13};
  return {};
}

void run(const Exchange& exchange, std::uint64_t exchanges) {
  BenchClock clock;
  Loop loop;
  BenchNetwork network(loop);
  Completed observer;
  SessionSettings settings;
  SnapshotCell cell;
  const SocketAddress proxy{IpAddress::v4({10, 0, 0, 1}), 8080};
  const SocketAddress peer{IpAddress::v4({10, 0, 1, 1}), 40000};
  auto snapshot = std::make_shared<PoolSnapshot>();
  snapshot->version = 1;
  snapshot->members = exchange.backends;
  for (std::size_t i = 0; i < exchange.backends; ++i) {
    const SocketAddress address{IpAddress::v4({10, 0, 2, 1}), static_cast<std::uint16_t>(kFirstPort + i)};
    std::string why;
    snapshot->live.push_back({*Endpoint::parse_authority(address.to_string(), why), address});
  }
  cell.publish(std::move(snapshot));
  ClientLimiter limiter({.rate_millirequests_per_second = 1'000'000'000, .burst = 1'000'000});
  Balancer balancer(cell, observer, {}, 0);
  WorkerContext worker(clock, network, observer, settings, limiter, balancer, RandomStream(1, "request-id", "bench"));
  auto listener = std::make_unique<Clients>(loop, exchange.clients, peer, proxy);
  Clients& clients = *listener;
  Acceptor acceptor(worker, std::move(listener));
  TaskGroup tasks;
  tasks.spawn(acceptor.run());
  std::uint64_t answered = 0;
  const auto answer = [&] {
    GOPHER_CHECK(!network.asked.empty());
    Wire& upstream = *network.asked.front();
    network.asked.pop_front();
    const auto asked_bytes = upstream.take();
    upstream.send(exchange.response);
    ++answered;
    while (observer.count < answered)
      GOPHER_CHECK(loop.turn());
    GOPHER_CHECK(!clients.answered.empty());
    Wire& client = *clients.answered.front();
    clients.answered.pop_front();
    GOPHER_CHECK(asked_bytes + client.take() >= exchange.body_bytes);
  };
  for (std::uint64_t i = 0; i < exchanges; ++i) {
    clients[i].send(exchange.request);
    while (loop.turn()) {
    }
    if (network.asked.size() == exchange.in_flight) answer();
    clock.pass(std::chrono::microseconds(100));
  }
  while (answered < exchanges)
    answer();
  GOPHER_CHECK(network.connections() == std::max(exchange.backends, exchange.in_flight));
  acceptor.cut();
  while (tasks.size() != 0)
    if (!loop.turn()) clock.pass(std::chrono::seconds(1));
}

}  // namespace

int main(int argc, char** argv) {
  const auto exchange = argc == 3 ? exchange_of(argv[1]) : std::nullopt;
  const auto exchanges = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (!exchange || exchanges < std::max(exchange->backends, exchange->clients)) {
    std::fputs("usage: instructions_per_request CASE EXCHANGES     not fewer than backends or clients of the case\n",
               stderr);
    return 2;
  }
  run(*exchange, exchanges);
}
