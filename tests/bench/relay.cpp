// The relay of ./dev bench proxy: what the sockets of a proxy cost when nothing is above them. It moves each request to
// the next backend in turn and the answer back, over the io_uring of the workers (io/uring.h); it decides nothing else,
// and reads none of what it moves. The backends get an X-Forwarded-For, for their counts.
//
//   bench_relay PORT BACKEND…
//
// A backend is address:port. What does not come whole in one piece, or from a backend that leaves, ends it: no figure
// may come of that.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/ports/address.h"
#include "io/asio_address.h"
#include "io/listening_socket.h"
#include "io/tcp_socket.h"
#include "io/uring.h"

namespace gopher {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_relay: %s (%s)\n", why.c_str(), std::strerror(errno));
  std::exit(1);
}

class Relay;

// A connection of a client or to a backend, with the last message that came on it.
struct Connection {
  Connection(Relay& owner, int descriptor) : relay(owner), socket(descriptor) {}

  void received(int result, unsigned flags) noexcept;
  void sent(int result, unsigned) noexcept {
    if (result < 0) ended = true;
  }

  Relay& relay;
  const int socket;
  std::vector<Connection*>* idle = nullptr;  // its backend's; none for a client
  Connection* peer = nullptr;                // the client whose request a backend's has
  bool ended = false;
  std::size_t length = 0;  // until it has been moved
  std::array<char, 512> message;
  UringOperationOf<Connection, &Connection::received> receive{*this};
  UringOperationOf<Connection, &Connection::sent> send{*this};
};

class Relay {
 public:
  Relay(std::uint16_t port, std::span<char*> backends) {
    for (const char* text : backends) {
      std::string why_not;
      const auto endpoint = Endpoint::parse_authority(text, why_not);
      const auto ip = endpoint ? endpoint->literal() : std::nullopt;
      if (!ip) give_up(text + (": no address " + why_not));
      backends_.push_back({NativeAddress({*ip, endpoint->port()}), {}});
    }
    const auto listening = open_listening_socket({IpAddress::v4({127, 0, 0, 1}), port}, {});
    if (!listening) give_up("cannot listen");
    listener_ = *listening;
    ring_.bind_to_thread();
  }

  [[noreturn]] void run() {
    for (;;) {
      if (!accepting_.under_way()) ring_.poll(accepting_, listener_, POLLIN);
      ring_.enter(Duration::max());
      if (acceptable_) accept_all();
      for (Connection* connection : std::exchange(ready_, {}))
        connection->idle ? answer(*connection) : ask(*connection);
    }
  }

 private:
  friend struct Connection;
  struct Backend {
    NativeAddress address;
    std::vector<Connection*> idle;
  };

  Connection& open(int descriptor) {
    if (descriptor < 0) give_up("no socket");
    Connection& connection = *connections_.emplace_back(std::make_unique<Connection>(*this, descriptor));
    ring_.receive(connection.receive, descriptor);
    return connection;
  }

  void acceptable(int, unsigned) noexcept { acceptable_ = true; }
  void accept_all() {
    acceptable_ = false;
    while (const auto accepted = accept_socket(listener_))
      open(accepted->socket);
  }

  Connection& connection_to(Backend& backend) {
    if (!backend.idle.empty()) {
      Connection& idle = *backend.idle.back();
      backend.idle.pop_back();
      return idle;
    }
    const int socket = open_tcp_socket(backend.address.family());
    connect(socket, backend.address.get(), backend.address.length);
    pollfd connected{socket, POLLOUT, 0};
    if (poll(&connected, 1, 5000) != 1) give_up("no connection to a backend");
    Connection& connection = open(socket);
    connection.idle = &backend.idle;
    return connection;
  }

  void ask(Connection& client) {
    if (client.ended) {
      ::close(client.socket);
      return;
    }
    static constexpr std::string_view kForwarded = "X-Forwarded-For: 127.0.0.1\r\n\r\n";
    if (!std::string_view(client.message.data(), client.length).ends_with("\r\n\r\n")) give_up("half a request");
    client.length -= 2;
    std::ranges::copy(kForwarded, client.message.data() + client.length);
    client.length += kForwarded.size();
    Connection& upstream = connection_to(backends_[turn_]);
    turn_ = (turn_ + 1) % backends_.size();
    upstream.peer = &client;
    move(client, upstream);
  }

  void answer(Connection& upstream) {
    if (upstream.ended || !upstream.peer) give_up("a backend that leaves, or an answer in two pieces");
    move(upstream, *std::exchange(upstream.peer, nullptr));
    upstream.idle->push_back(&upstream);
  }

  void move(Connection& from, Connection& to) {
    if (!to.ended) ring_.send(to.send, to.socket, std::as_bytes(std::span(from.message.data(), from.length)), false);
    from.length = 0;
  }

  Uring ring_;
  int listener_ = -1;
  bool acceptable_ = false;
  UringOperationOf<Relay, &Relay::acceptable> accepting_{*this};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> ready_;
  std::vector<Backend> backends_;
  std::size_t turn_ = 0;
};

void Connection::received(int result, unsigned flags) noexcept {
  if (result <= 0) {
    if (result == -ENOBUFS) give_up("no buffer");
    ended = true;
  } else {
    if (length != 0) give_up("a message in two pieces");
    length = static_cast<std::size_t>(result);
    if (length > message.size() - 64) give_up("a message too large");
    const auto piece = Uring::buffer_of(flags);
    std::memcpy(message.data(), relay.ring_.buffer(piece), length);
    relay.ring_.give_back(piece);
  }
  relay.ready_.push_back(this);
}

}  // namespace
}  // namespace gopher

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: bench_relay PORT BACKEND…\n", stderr);
    return 2;
  }
  gopher::Relay(static_cast<std::uint16_t>(std::atoi(argv[1])),
                std::span(argv, static_cast<std::size_t>(argc)).subspan(2))
      .run();
}
