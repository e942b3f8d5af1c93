#include "io/connector.h"

#include <cerrno>
#include <list>
#include <map>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "core/async/check.h"
#include "io/asio_address.h"
#include "io/asio_errors.h"
#include "io/tcp_socket.h"

namespace gopher {

namespace {

// connect() says EADDRNOTAVAIL when no TCP port is free, and also when this machine has no address to speak from (an
// IPv6 address where IPv6 is off). Connecting a UDP socket meets only the latter; it sends nothing.
bool has_source_address(NativeAddress& to) {
  const int socket = ::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return true;
  const bool has = ::connect(socket, to.get(), to.length) == 0 || errno != EADDRNOTAVAIL;
  ::close(socket);
  return has;
}

class TcpConnector final : public Connector {
 public:
  TcpConnector(NetworkLoop& loop, NameResolver::Lookup lookup)
      : loop_(loop), resolver_(std::move(lookup), [this](std::uint64_t question, NameResolver::Result result) {
          answer_soon(question, std::move(result));
        }) {}
  ~TcpConnector() override { GOPHER_CHECK(connects_.empty() && lookups_.empty()); }

  void connect(ConnectAttempt& attempt, const SocketAddress& to, Instant deadline) override;
  void cancel(ConnectAttempt& attempt) noexcept override;
  void resolve(ResolveAttempt& attempt, std::string_view host, Instant deadline) override;
  void cancel(ResolveAttempt& attempt) noexcept override;

 private:
  // A connect under way: waits until the stream being made is writable, which it is once the handshake has ended.
  struct Connect : IoWait {
    Connect(TcpConnector& connector, ConnectAttempt& caller) noexcept
        : IoWait(&handshake_ended), owner(connector), attempt(caller) {}
    static void handshake_ended(IoWait& wait, std::optional<ErrorKind> error);

    TcpConnector& owner;
    ConnectAttempt& attempt;
    std::list<Connect>::iterator self;
    int socket = -1;  // owned by the stream
    std::unique_ptr<Stream> stream;
    bool cancelled = false;
  };
  // A look-up under way. Its number, not its address, is what the resolver's threads know it by.
  struct Lookup {
    Lookup(TcpConnector& connector, ResolveAttempt& caller, std::uint64_t its_number) noexcept
        : owner(connector), attempt(caller), number(its_number), timer(connector.loop_.clock(), &too_late, this) {}
    static void too_late(void* context) {
      auto* self = static_cast<Lookup*>(context);
      self->owner.answered(self->number, std::unexpected(ErrorKind::timed_out));
    }

    TcpConnector& owner;
    ResolveAttempt& attempt;
    std::uint64_t number;
    Timer timer;
    bool cancelled = false;
  };

  std::optional<ErrorKind> start(Connect& connect, const SocketAddress& to);
  void finish(Connect& connect, std::optional<ErrorKind> error);
  // From the loop. The first answer to a question counts; later ones find nobody.
  void answered(std::uint64_t number, NameResolver::Result result);
  void answer_soon(std::uint64_t number, NameResolver::Result result) {
    loop_.post([this, number, answer = std::move(result)]() mutable { answered(number, std::move(answer)); });
  }

  NetworkLoop& loop_;
  std::list<Connect> connects_;
  std::map<std::uint64_t, Lookup> lookups_;
  std::uint64_t next_number_ = 0;
  NameResolver resolver_;
};

void TcpConnector::connect(ConnectAttempt& attempt, const SocketAddress& to, Instant deadline) {
  connects_.emplace_front(*this, attempt);
  Connect& connect = connects_.front();
  connect.self = connects_.begin();
  attempt.binding = &connect;
  const auto failure = start(connect, to);
  if (failure) {
    loop_.post([this, &connect, failure] { finish(connect, failure); });
  } else {
    connect.stream->wait_writable(connect, deadline);
  }
}

std::optional<ErrorKind> TcpConnector::start(Connect& connect, const SocketAddress& to) {
  NativeAddress native(to);
  const int socket = open_tcp_socket(native.family());
  if (socket < 0) return connect_error(errno);
  if (::connect(socket, native.get(), native.length) != 0 && errno != EINPROGRESS && errno != EINTR) {
    const int error = errno;
    ::close(socket);
    if (error == EADDRNOTAVAIL && !has_source_address(native)) return ErrorKind::unreachable;
    return connect_error(error);
  }
  auto stream = loop_.adopt(socket, to);
  if (!stream) return stream.error();
  connect.socket = socket;
  connect.stream = std::move(*stream);
  return std::nullopt;
}

void TcpConnector::Connect::handshake_ended(IoWait& wait, std::optional<ErrorKind> error) {
  auto& self = static_cast<Connect&>(wait);
  if (!error) {
    int outcome = 0;
    socklen_t length = sizeof outcome;
    if (::getsockopt(self.socket, SOL_SOCKET, SO_ERROR, &outcome, &length) != 0) outcome = errno;
    if (outcome != 0) {
      error = connect_error(outcome);
    } else if (local_address(self.socket) == self.stream->peer()) {
      // The system chose, as the local port, the very port that nobody listens on, and TCP connected it to itself
      // (simultaneous open, RFC 9293 section 3.5).
      error = ErrorKind::refused;
    }
  }
  self.owner.finish(self, error);
}

void TcpConnector::finish(Connect& connect, std::optional<ErrorKind> error) {
  ConnectAttempt& attempt = connect.attempt;
  if (connect.cancelled) error = ErrorKind::closed;
  std::unique_ptr<Stream> stream = std::move(connect.stream);
  attempt.binding = nullptr;
  connects_.erase(connect.self);
  if (error) {
    stream.reset();
    attempt.complete(std::unexpected(*error));
  } else {
    attempt.complete(std::move(stream));
  }
}

void TcpConnector::cancel(ConnectAttempt& attempt) noexcept {
  auto* connect = static_cast<Connect*>(attempt.binding);
  if (connect == nullptr) return;
  connect->cancelled = true;
  if (connect->stream) connect->stream->close();
}

void TcpConnector::resolve(ResolveAttempt& attempt, std::string_view host, Instant deadline) {
  const std::uint64_t number = next_number_++;
  Lookup& lookup = lookups_.try_emplace(number, *this, attempt, number).first->second;
  attempt.binding = &lookup;
  if (const auto literal = IpAddress::parse(host)) {
    answer_soon(number, std::vector{*literal});
  } else if (resolver_.ask(number, std::string(host))) {
    if (deadline != kNever) lookup.timer.arm(deadline);
  } else {
    answer_soon(number, std::unexpected(ErrorKind::resolve_failed));
  }
}

void TcpConnector::answered(std::uint64_t number, NameResolver::Result result) {
  const auto found = lookups_.find(number);
  if (found == lookups_.end()) return;
  ResolveAttempt& attempt = found->second.attempt;
  if (found->second.cancelled) result = std::unexpected(ErrorKind::closed);
  lookups_.erase(found);
  resolver_.forget(number);
  attempt.binding = nullptr;
  attempt.complete(std::move(result));
}

void TcpConnector::cancel(ResolveAttempt& attempt) noexcept {
  auto* lookup = static_cast<Lookup*>(attempt.binding);
  if (lookup == nullptr || lookup->cancelled) return;
  lookup->cancelled = true;
  answer_soon(lookup->number, std::unexpected(ErrorKind::closed));
}

}  // namespace

std::unique_ptr<Connector> make_connector(NetworkLoop& loop, NameResolver::Lookup lookup) {
  return std::make_unique<TcpConnector>(loop, std::move(lookup));
}

}  // namespace gopher
