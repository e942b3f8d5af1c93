#include "sim/clients.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/async/check.h"
#include "core/async/connect_operations.h"
#include "sim/client_parts.h"

namespace gopher::sim {

namespace {

// A ramp goes in steps that are short beside what one can see of it.
constexpr Duration kRampStep = std::chrono::milliseconds(50);

}  // namespace

SimClients::SimClients(SimNode& on, Clock& clock, WorldListener& listener, const ClientSettings& settings,
                       std::vector<SocketAddress> proxies, std::uint64_t& next_id, std::uint64_t seed)
    : node_(on),
      clock_(clock),
      listener_(listener),
      settings_(settings),
      proxies_(std::move(proxies)),
      next_id_(next_id),
      random_(seed, "clients", on.name()),
      next_(clock, &due, this),
      ramp_timer_(clock, &ramp_due, this) {
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
  ramp_timer_.disarm();
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
    send();
}

void SimClients::set_rate(std::uint64_t millirequests_per_second, Duration over) {
  ramp_timer_.disarm();
  if (over > Duration(0)) {
    ramp_ = {settings_.rate_millirequests_per_second, millirequests_per_second, clock_.now(), over};
    ramp_timer_.arm(clock_.now() + kRampStep);
    return;
  }
  settings_.rate_millirequests_per_second = millirequests_per_second;
  next_.disarm();
  if (started_) arm_next();
}

void SimClients::ramp_due(void* context) {
  auto& self = *static_cast<SimClients*>(context);
  const Duration gone = std::min(self.clock_.now() - self.ramp_.begins, self.ramp_.over);
  // In milliseconds, so that the product stays within 64 bits: a rate has at most 16 digits.
  const auto part = gone / std::chrono::milliseconds(1);
  const auto whole = std::max<std::int64_t>(self.ramp_.over / std::chrono::milliseconds(1), 1);
  const auto from = static_cast<std::int64_t>(self.ramp_.from);
  const auto to = static_cast<std::int64_t>(self.ramp_.to);
  const bool over = gone == self.ramp_.over;
  self.change_rate(
      static_cast<std::uint64_t>(over ? to : from + (to - from) / whole * part + (to - from) % whole * part / whole));
  if (!over) self.ramp_timer_.arm(self.clock_.now() + kRampStep);
}

// The request that is due comes as much sooner or later as the rate grows or falls.
void SimClients::change_rate(std::uint64_t millirequests_per_second) {
  const std::uint64_t before = std::exchange(settings_.rate_millirequests_per_second, millirequests_per_second);
  if (!started_) return;
  if (!next_.armed()) {
    arm_next();
  } else if (millirequests_per_second == 0) {
    next_.disarm();
  } else {
    const auto left = static_cast<std::uint64_t>(std::max(next_at_ - clock_.now(), Duration(0)).count());
    next_at_ = clock_.now() + Duration(static_cast<std::int64_t>(left * before / millirequests_per_second));
    next_.arm(next_at_);
  }
}

void SimClients::due(void* context) {
  auto& self = *static_cast<SimClients*>(context);
  self.send();
  self.arm_next();
}

void SimClients::arm_next() {
  if (settings_.rate_millirequests_per_second == 0) return;
  const Duration gap(
      static_cast<std::int64_t>(1'000'000'000'000 * settings_.pipeline / settings_.rate_millirequests_per_second));
  next_at_ = clock_.now() + random_.jittered(gap, settings_.jitter_permille);
  next_.arm(next_at_);
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

SimClients::Ask SimClients::ask() {
  Ask ask;
  ask.id = ask.first_of_pipeline = ask.last_of_pipeline = next_id_++;
  ask.from = address(sent_ % settings_.addresses);
  ask.proxy = static_cast<std::size_t>(sent_ % proxies_.size());
  ask.deadline = clock_.now() + settings_.patience;
  ask.method = "GET";
  if (settings_.traffic != Traffic::requests) {
    ask.stay = draw(random_, settings_.stay);
    ask.leaves_with_reset = random_.below(2) == 0;
    return ask;
  }
  if (chance(random_, settings_.bad_permille)) {
    ask.bad = settings_.bad_kinds.draw(random_);
    return ask;
  }
  ask.body_bytes = draw(random_, settings_.body_bytes);
  if (const std::size_t many = settings_.methods.size(); many > 0) {
    ask.method = settings_.methods[many > 1 ? static_cast<std::size_t>(random_.below(many)) : 0];
  } else if (ask.body_bytes > 0) {
    ask.method = "POST";
  }
  if (ask.body_bytes > 0) {
    ask.chunked = chance(random_, settings_.chunked_permille);
    ask.expects_continue = chance(random_, settings_.expect_permille);
  }
  if (chance(random_, settings_.abort_permille)) {
    ask.leaves_at_deadline = true;
    ask.deadline = std::min(ask.deadline, clock_.now() + draw(random_, settings_.abort_after));
  }
  ask.leaves_in_body = chance(random_, settings_.abort_in_body_permille);
  if (ask.leaves_at_deadline || ask.leaves_in_body) ask.leaves_with_reset = random_.below(2) == 0;
  return ask;
}

// One request, or a pipeline of them.
void SimClients::send() {
  std::vector<Ask> asks;
  for (std::uint32_t i = 0; i < settings_.pipeline; ++i) {
    Ask one = ask();
    listener_.on(clock_.now(), RequestSent{name(), one.id, one.from, one.body_bytes, one.bad.has_value()});
    ++under_way_;
    if (under_way_ > kMaxUnderWay) {
      Reply reply;
      reply.outcome = Outcome::no_connect;
      ended(one, reply);
    } else if (settings_.pipeline == 1) {
      tasks_.spawn(request(one));
    } else {
      asks.push_back(one);
    }
  }
  ++sent_;
  if (asks.empty()) return;
  for (Ask& one : asks) {
    one.first_of_pipeline = asks.front().id;
    one.last_of_pipeline = asks.back().id;
  }
  tasks_.spawn(pipeline(std::move(asks)));
}

void SimClients::ended(const Ask& ask, const Reply& reply) {
  --under_way_;
  listener_.on(clock_.now(), RequestEnded{name(), ask.id, reply.outcome, reply.status, reply.intact, reply.backend,
                                          reply.body_bytes, reply.in_order});
}

Task<std::unique_ptr<SimClients::Connection>> SimClients::connection(const Ask& ask) {
  auto& idle = idle_[{ask.from, ask.proxy}];
  while (!idle.empty()) {
    auto kept = std::move(idle.back());
    idle.pop_back();
    // A proxy that has closed it has ended it.
    std::array<std::byte, 1> byte;
    const auto read = kept->stream->try_read(byte);
    if (!read && read.error() == ErrorKind::would_block) co_return kept;
    if (read && *read > 0) listener_.on(clock_.now(), UnaskedBytes{name()});
  }
  if (idle.empty()) idle_.erase({ask.from, ask.proxy});
  const auto ending = ending_;
  node_.speak_from(ask.from);
  auto connecting = connect(node_.connector(), proxies_[ask.proxy], ask.deadline, *ending);
  auto stream = co_await connecting;
  std::unique_ptr<Connection> made;
  if (stream) {
    made = std::make_unique<Connection>();
    made->stream = std::move(*stream);
  }
  co_return made;
}

void SimClients::keep(const Ask& ask, std::unique_ptr<Connection> connection) {
  auto& idle = idle_[{ask.from, ask.proxy}];
  if (idle.size() < kMaxIdle) idle.push_back(std::move(connection));
}

}  // namespace gopher::sim
