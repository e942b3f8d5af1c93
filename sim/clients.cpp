#include "sim/clients.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/async/check.h"
#include "core/async/connect_operations.h"
#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "sim/http_text.h"

namespace gopher::sim {

struct SimClients::Connection {
  std::unique_ptr<Stream> stream;
  bool reused = false;
};

struct SimClients::Reply {
  Outcome outcome = Outcome::no_answer;
  int status = 0;
  bool intact = true;
  std::string backend;
  bool keep_alive = false;
};

SimClients::SimClients(SimNode& on, Clock& clock, WorldListener& listener, const ClientSettings& settings,
                       std::vector<SocketAddress> proxies, std::uint64_t& next_id, std::uint64_t seed)
    : node_(on),
      clock_(clock),
      listener_(listener),
      settings_(settings),
      proxies_(std::move(proxies)),
      next_id_(next_id),
      random_(seed, "clients", on.name()),
      next_(clock, &due, this) {
  GOPHER_CHECK(!proxies_.empty());
}

SimClients::~SimClients() { GOPHER_CHECK(gone()); }

void SimClients::start() {
  started_ = true;
  arm_next();
}

void SimClients::stop() {
  started_ = false;
  next_.disarm();
  idle_.clear();
}

void SimClients::abort() {
  stop();
  for (Connection* connection : busy_)
    connection->stream->reset();
  const auto ending = std::exchange(ending_, std::make_shared<Cancellation>());
  ending->request();
}

void SimClients::burst(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i)
    send_one();
}

void SimClients::set_rate(std::uint64_t millirequests_per_second) {
  settings_.rate_millirequests_per_second = millirequests_per_second;
  next_.disarm();
  if (started_) arm_next();
}

void SimClients::due(void* context) {
  auto& self = *static_cast<SimClients*>(context);
  self.send_one();
  self.arm_next();
}

void SimClients::arm_next() {
  if (settings_.rate_millirequests_per_second == 0) return;
  const Duration gap(static_cast<std::int64_t>(1'000'000'000'000 / settings_.rate_millirequests_per_second));
  next_.arm(clock_.now() + random_.jittered(gap, settings_.jitter_permille));
}

IpAddress SimClients::address(std::uint64_t index) const {
  auto octets = settings_.first_address.octets();
  const std::size_t width = settings_.first_address.is_v4() ? 4 : 16;
  std::uint64_t carry = index;
  for (std::size_t i = width; i-- > 0 && carry > 0; carry >>= 8) {
    carry += octets[i];
    octets[i] = static_cast<std::uint8_t>(carry & 0xFF);
  }
  if (!settings_.first_address.is_v4()) return IpAddress::v6(octets);
  return IpAddress::v4({octets[0], octets[1], octets[2], octets[3]});
}

void SimClients::send_one() {
  const std::uint64_t number = sent_++;
  const std::uint64_t id = next_id_++;
  const std::uint64_t index = number % settings_.addresses;
  listener_.on(clock_.now(), RequestSent{name(), id, address(index)});
  if (under_way_ >= kMaxUnderWay) {
    listener_.on(clock_.now(), RequestEnded{name(), id, Outcome::no_connect, 0, true, {}});
    return;
  }
  ++under_way_;
  tasks_.spawn(request(id, index, static_cast<std::size_t>(number % proxies_.size())));
}

Task<std::unique_ptr<SimClients::Connection>> SimClients::connection(const IpAddress& from, std::size_t proxy,
                                                                     Instant deadline) {
  auto& idle = idle_[{from, proxy}];
  while (!idle.empty()) {
    auto kept = std::move(idle.back());
    idle.pop_back();
    // A proxy that has closed it, or says what nobody asked, has ended it.
    std::array<std::byte, 1> byte;
    const auto read = kept->stream->try_read(byte);
    if (!read && read.error() == ErrorKind::would_block) {
      kept->reused = true;
      co_return kept;
    }
  }
  if (idle.empty()) idle_.erase({from, proxy});
  const auto ending = ending_;
  node_.speak_from(from);
  auto connecting = connect(node_.connector(), proxies_[proxy], deadline, *ending);
  auto stream = co_await connecting;
  std::unique_ptr<Connection> made;
  if (stream) {
    made = std::make_unique<Connection>();
    made->stream = std::move(*stream);
  }
  co_return made;
}

void SimClients::keep(const IpAddress& from, std::size_t proxy, std::unique_ptr<Connection> connection) {
  auto& idle = idle_[{from, proxy}];
  if (idle.size() < kMaxIdle) idle.push_back(std::move(connection));
}

Task<bool> SimClients::write_request(Connection& connection, std::uint64_t id, Instant deadline) {
  std::string bytes = settings_.body_bytes > 0 ? "POST" : settings_.method;
  bytes += ' ' + request_target(id) + " HTTP/1.1\r\nHost: sim.example\r\n";
  if (!settings_.keep_alive) bytes += "Connection: close\r\n";
  if (settings_.body_bytes > 0) bytes += "Content-Length: " + std::to_string(settings_.body_bytes) + "\r\n";
  bytes += "\r\n";
  append_pattern(bytes, id, 0, static_cast<std::size_t>(settings_.body_bytes));
  const WriteBuffer buffer = std::as_bytes(std::span(bytes));
  const auto written = co_await write_all(*connection.stream, clock_, deadline - clock_.now(), buffer);
  co_return written.has_value();
}

Task<SimClients::Reply> SimClients::read_reply(Connection& connection, std::uint64_t id, Instant deadline) {
  const auto ending = ending_;
  Reply reply;
  std::string input;
  std::array<std::byte, 16384> buffer;
  const std::size_t at_once = settings_.read_bytes > 0 ? settings_.read_bytes : buffer.size();
  std::size_t head_bytes = 0;
  std::uint64_t owed = 0;
  std::uint64_t got = 0;
  bool ours = false;  // a backend's answer, whose body has the pattern
  for (;;) {
    if (reply.status != 0 && got == owed) break;
    if (clock_.now() >= deadline) {
      reply.outcome = Outcome::gave_up;
      co_return reply;
    }
    const auto room = std::span(buffer).first(std::min(at_once, buffer.size()));
    const auto read = co_await read_some(*connection.stream, room, deadline);
    if (!read || *read == 0) {
      const bool late = !read && read.error() == ErrorKind::timed_out;
      reply.outcome = late ? Outcome::gave_up : reply.status != 0 ? Outcome::cut : Outcome::no_answer;
      co_return reply;
    }
    std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), *read);
    if (reply.status == 0) {
      input.append(bytes);
      const auto head = whole_head(input, head_bytes);
      if (!head) continue;
      reply.status = head->status();
      if (reply.status == 0) co_return reply;
      owed = settings_.method == "HEAD" && settings_.body_bytes == 0 ? 0 : head->content_length().value_or(0);
      const auto answers = head->field("x-sim-request");
      ours = answers.has_value();
      if (ours && *answers != std::to_string(id)) reply.intact = false;
      reply.backend = head->field("x-sim-backend").value_or("");
      reply.keep_alive = head->field("connection").value_or("") != "close";
      bytes = std::string_view(input).substr(head_bytes);
    }
    if (ours && !is_pattern(bytes, id, got)) reply.intact = false;
    got += bytes.size();
    if (got > owed) {
      reply.intact = false;
      break;
    }
    if (settings_.read_bytes > 0 && got < owed)
      co_await sleep_until(clock_, clock_.now() + settings_.read_pause, *ending);
  }
  reply.outcome = Outcome::answered;
  co_return reply;
}

Task<void> SimClients::request(std::uint64_t id, std::uint64_t address_index, std::size_t proxy) {
  const IpAddress from = address(address_index);
  const Instant deadline = clock_.now() + settings_.patience;
  Reply reply;
  reply.outcome = Outcome::no_connect;
  auto connecting = connection(from, proxy, deadline);
  auto open = co_await connecting;
  if (open) {
    busy_.push_back(open.get());
    // A proxy that has answered already (429, say) closes without reading on: its answer is worth reading all the same.
    auto writing = write_request(*open, id, deadline);
    co_await writing;
    auto reading = read_reply(*open, id, deadline);
    reply = co_await reading;
    std::erase(busy_, open.get());
    const bool reusable = reply.outcome == Outcome::answered && reply.intact && reply.keep_alive;
    if (reusable && settings_.keep_alive && started_) {
      keep(from, proxy, std::move(open));
    } else if (reply.outcome == Outcome::gave_up) {
      open->stream->reset();
    }
  }
  --under_way_;
  listener_.on(clock_.now(), RequestEnded{name(), id, reply.outcome, reply.status, reply.intact, reply.backend});
}

}  // namespace gopher::sim
