#include "sim/connector.h"

#include <algorithm>
#include <utility>

#include "core/async/check.h"
#include "sim/listener.h"
#include "sim/network.h"

namespace gopher::sim {

// Each step arms `next`, whose callback takes the following one.
struct SimConnector::Connect {
  using Step = void (SimConnector::*)(Connect&);

  // The handshake is the system's and runs on the world's clock; what the process waits for, on its own.
  Connect(SimConnector& of, ConnectAttempt& for_whom, const SocketAddress& where, Clock& world, Clock& own) noexcept
      : connector(of),
        attempt(for_whom),
        to(where),
        next(world, &go_on, this),
        deadline(own, &timed_out, this),
        completion(own, &complete, this) {}

  static void go_on(void* context) {
    auto* self = static_cast<Connect*>(context);
    if (self->failure) {
      self->connector.finish(*self, std::unexpected(*self->failure));
    } else {
      (self->connector.*self->step)(*self);
    }
  }
  static void timed_out(void* context) {
    auto* self = static_cast<Connect*>(context);
    self->connector.finish(*self, std::unexpected(ErrorKind::timed_out));
  }
  static void complete(void* context) {
    auto* self = static_cast<Connect*>(context);
    self->connector.complete(*self);
  }
  void then(Step what, Instant at) {
    step = what;
    next.arm(at);
  }
  void fail(ErrorKind why, Instant at) {
    failure = why;
    next.arm(at);
  }

  SimConnector& connector;
  ConnectAttempt& attempt;
  SocketAddress to;
  Timer next;
  Timer deadline;
  Timer completion;
  std::list<Connect>::iterator self{};
  Step step = nullptr;
  std::optional<ErrorKind> failure;
  // Set once it has ended and the process has yet to hear of it.
  std::optional<std::expected<std::unique_ptr<Stream>, ErrorKind>> outcome;
  SimNode* target = nullptr;
  SocketAddress source;
  std::uint64_t connection = 0;
  bool refused = false;
  int tries = 0;
};

struct SimConnector::Resolve {
  Resolve(SimConnector& of, ResolveAttempt& for_whom, std::string_view name, Clock& clock)
      : connector(of), attempt(for_whom), host(name), next(clock, &answered, this), deadline(clock, &timed_out, this) {}

  static void answered(void* context) {
    auto* self = static_cast<Resolve*>(context);
    self->connector.answer(*self);
  }
  static void timed_out(void* context) {
    auto* self = static_cast<Resolve*>(context);
    self->connector.finish(*self, std::unexpected(ErrorKind::timed_out));
  }

  SimConnector& connector;
  ResolveAttempt& attempt;
  std::string host;
  Timer next;
  Timer deadline;
  std::list<Resolve>::iterator self{};
  std::optional<ErrorKind> failure;
};

SimConnector::SimConnector(SimNetwork& network, SimNode& node) noexcept : network_(network), node_(node) {}

SimConnector::~SimConnector() { GOPHER_CHECK(attempts_under_way() == 0); }

void SimConnector::connect(ConnectAttempt& attempt, const SocketAddress& to, Instant deadline) {
  auto& operation = connects_.emplace_back(*this, attempt, to, network_.clock(), node_.clock());
  operation.self = std::prev(connects_.end());
  attempt.binding = &operation;
  if (const auto why = node_.begin_operation()) {
    operation.fail(*why, network_.clock().now());
    return;
  }
  if (deadline != kNever) operation.deadline.arm(deadline);
  operation.target = network_.owner_of(node_, to.ip);
  if (operation.target && operation.target->connect_fault(to.port) == ConnectFault::no_local_port) {
    operation.fail(ErrorKind::no_local_port, network_.clock().now());
  } else if (operation.target) {
    operation.source = {*node_.source_for(to.ip), node_.next_source_port()};
    operation.connection = network_.next_connection();
    send_request(operation);
  } else {
    operation.fail(ErrorKind::unreachable, network_.clock().now() + network_.default_link.latency);
  }
}

void SimConnector::cancel(ConnectAttempt& attempt) noexcept {
  auto* operation = static_cast<Connect*>(attempt.binding);
  if (!operation) return;
  operation->deadline.disarm();
  if (operation->outcome) {
    operation->outcome = std::unexpected(ErrorKind::closed);
  } else {
    operation->fail(ErrorKind::closed, network_.clock().now());
  }
}

void SimConnector::send_request(Connect& operation) {
  ++operation.tries;
  network_.record({.at = network_.clock().now(),
                   .kind = NetworkEventKind::connecting,
                   .from = node_.id(),
                   .to = operation.target->id(),
                   .connection = operation.connection,
                   .value = operation.to.port});
  if (network_.tap) tap(operation, Word::syn);
  operation.then(&SimConnector::request_arrived, network_.handshake_arrival(node_, *operation.target));
}

void SimConnector::request_arrived(Connect& operation) {
  SimNode& target = *operation.target;
  const auto fault = network_.connect_fault(node_, target, operation.to.port, operation.connection, operation.tries);
  const SimListener* listener = target.listener(operation.to.port, operation.source);
  const bool refused = fault == ConnectFault::refuse || !listener;
  const bool unheard = network_.link(node_, target).blocked() || fault == ConnectFault::hang;
  if (unheard || (!refused && listener->full())) {
    try_again(operation);
    return;
  }
  operation.refused = refused;
  if (network_.tap) tap(operation, refused ? Word::refusal : Word::syn_ack);
  operation.then(&SimConnector::answer_arrived, network_.handshake_arrival(target, node_));
}

void SimConnector::answer_arrived(Connect& operation) {
  if (network_.link(*operation.target, node_).blocked()) {
    try_again(operation);
  } else if (operation.refused) {
    finish(operation, std::unexpected(ErrorKind::refused));
  } else {
    finish(operation,
           network_.connected(operation.connection, node_, operation.source, *operation.target, operation.to));
  }
}

void SimConnector::try_again(Connect& operation) {
  const Instant at = network_.clock().now() + kFirstRetry * (1 << (operation.tries - 1));
  if (operation.tries < kMaxTries) {
    operation.then(&SimConnector::send_request, at);
  } else {
    operation.fail(ErrorKind::timed_out, at);
  }
}

void SimConnector::tap(const Connect& operation, Word word) {
  const bool from_client = word == Word::syn;
  const SimNode& target = *operation.target;
  const Link& incoming = from_client ? network_.link(target, node_) : network_.link(node_, target);
  network_.tap->left(network_.clock().now(), {.sender = from_client ? node_ : target,
                                              .receiver = from_client ? target : node_,
                                              .from = from_client ? operation.source : operation.to,
                                              .to = from_client ? operation.to : operation.source,
                                              .connection = operation.connection,
                                              .from_client = from_client,
                                              .syn = word != Word::refusal,
                                              .reset = word == Word::refusal,
                                              .acknowledged = from_client ? 0u : 1u,
                                              .window = incoming.settings.receive_buffer});
}

void SimConnector::finish(Connect& operation, std::expected<std::unique_ptr<Stream>, ErrorKind> result) {
  network_.record({.at = network_.clock().now(),
                   .kind = result ? NetworkEventKind::established : NetworkEventKind::connect_failed,
                   .from = node_.id(),
                   .to = operation.target ? operation.target->id() : kNoNode,
                   .connection = operation.connection,
                   .value = result ? operation.to.port : static_cast<std::uint64_t>(result.error())});
  operation.outcome = std::move(result);
  if (!node_.clock().frozen()) return complete(operation);
  operation.next.disarm();
  operation.deadline.disarm();
  operation.completion.arm(node_.clock().now());
}

void SimConnector::complete(Connect& operation) {
  ConnectAttempt& attempt = operation.attempt;
  auto outcome = std::move(*operation.outcome);
  connects_.erase(operation.self);
  attempt.binding = nullptr;
  attempt.complete(std::move(outcome));
}

void SimConnector::resolve(ResolveAttempt& attempt, std::string_view host, Instant deadline) {
  const Instant now = node_.clock().now();
  auto& operation = resolves_.emplace_back(*this, attempt, host, node_.clock());
  operation.self = std::prev(resolves_.end());
  attempt.binding = &operation;
  operation.failure = node_.begin_operation();
  if (operation.failure || IpAddress::parse(host)) {
    operation.next.arm(now);
    return;
  }
  if (deadline != kNever) operation.deadline.arm(deadline);
  if (!network_.dns.silent) operation.next.arm(now + network_.dns.delay);
}

void SimConnector::cancel(ResolveAttempt& attempt) noexcept {
  auto* operation = static_cast<Resolve*>(attempt.binding);
  if (!operation) return;
  operation->deadline.disarm();
  operation->failure = ErrorKind::closed;
  operation->next.arm(node_.clock().now());
}

void SimConnector::answer(Resolve& operation) {
  if (operation.failure) return finish(operation, std::unexpected(*operation.failure));
  if (const auto literal = IpAddress::parse(operation.host)) {
    return finish(operation, std::vector<IpAddress>{*literal});
  }
  const auto entry = network_.dns.names.find(operation.host);
  const bool known = entry != network_.dns.names.end();
  if (network_.dns.fails || (known && entry->second.fails)) {
    return finish(operation, std::unexpected(ErrorKind::resolve_failed));
  }
  if (!known || entry->second.addresses.empty()) return finish(operation, std::unexpected(ErrorKind::no_such_host));
  auto addresses = entry->second.addresses;
  addresses.resize(std::min(addresses.size(), ResolveAttempt::kMaxAddresses));
  finish(operation, std::move(addresses));
}

void SimConnector::finish(Resolve& operation, std::expected<std::vector<IpAddress>, ErrorKind> result) {
  ResolveAttempt& attempt = operation.attempt;
  network_.record({.at = network_.clock().now(),
                   .kind = result ? NetworkEventKind::resolved : NetworkEventKind::resolve_failed,
                   .from = node_.id(),
                   .to = kNoNode,
                   .value = result ? result->size() : static_cast<std::uint64_t>(result.error())});
  resolves_.erase(operation.self);
  attempt.binding = nullptr;
  attempt.complete(std::move(result));
}

}  // namespace gopher::sim
