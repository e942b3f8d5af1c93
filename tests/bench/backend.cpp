// The backend of ./dev bench proxy: answers with as little work as it can, so that it is not what is measured, and
// counts what reaches it, so that the run can tell whether the proxy did its work.
//
//   bench_backend FIRST_PORT COUNT CONTROL_PORT
//
// It listens on COUNT ports in a row of every address of this machine. GET /bytes/N is answered with N bytes, any other
// request with 13, when its body (of a Content-Length) has come whole. A request on CONTROL_PORT gets the counts of
// each port as JSON. A proxy that pipelines, or sends what this cannot read, ends it: no figure may come of that.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "bench_backend: %s (%s)\n", why, std::strerror(errno));
  std::exit(1);
}

// Of one port, since the start.
struct Counts {
  std::uint64_t connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t without_forwarded_for = 0;
};

struct Socket {
  int descriptor;
  Counts* counts;  // none on the control port
  bool listens;
  std::string head;  // the beginning of a head that has not come whole
  std::size_t body_left = 0;
  std::string_view answer;  // what of it is still to be written
  std::string own_answer;   // on the control port
};

std::string response(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// A response of that many bytes, made once.
std::string_view response_of(std::size_t bytes) {
  static std::map<std::size_t, std::string> made;
  auto& text = made[bytes];
  if (text.empty()) text = response(std::string(bytes, 'x'));
  return text;
}

// What this needs to know of a request's head.
struct Request {
  std::size_t answer_bytes = 13;
  std::size_t body_bytes = 0;
  bool forwarded_for = false;
};

bool begins_with(std::string_view line, std::string_view name) {
  return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
}

Request read_head(std::string_view head) {
  Request request;
  constexpr std::string_view kBytes = "GET /bytes/";
  if (head.starts_with(kBytes)) request.answer_bytes = std::strtoull(head.data() + kBytes.size(), nullptr, 10);
  for (auto end = head.find('\n'); end + 1 < head.size(); end = head.find('\n')) {
    head.remove_prefix(end + 1);
    if (begins_with(head, "x-forwarded-for:")) request.forwarded_for = true;
    if (begins_with(head, "content-length:")) request.body_bytes = std::strtoull(head.data() + 15, nullptr, 10);
    if (begins_with(head, "transfer-encoding:")) give_up("a chunked request");
  }
  return request;
}

class Backend {
 public:
  Backend(std::uint16_t first_port, int count, std::uint16_t control_port) : counts_(static_cast<std::size_t>(count)) {
    listen_at(control_port, nullptr);
    for (auto& counts : counts_)
      listen_at(first_port++, &counts);
  }

  [[noreturn]] void run() {
    for (;;) {
      std::array<epoll_event, 256> events;
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto& socket = *static_cast<Socket*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (socket.listens) {
          accept_on(socket);
        } else if (!serve(socket)) {
          close(socket.descriptor);
          delete &socket;  // whom epoll alone held
        }
      }
    }
  }

 private:
  void watch(Socket& socket, int operation, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &socket;
    if (epoll_ctl(epoll_, operation, socket.descriptor, &event) != 0) give_up("epoll_ctl");
  }

  void listen_at(std::uint16_t port, Counts* counts) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(descriptor, 4096) != 0)
      give_up("cannot listen");
    watch(*new Socket{descriptor, counts, true, {}, 0, {}, {}}, EPOLL_CTL_ADD, EPOLLIN);
  }

  void accept_on(const Socket& listener) const {
    const int descriptor = accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK);
    if (descriptor < 0) return;
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (listener.counts) ++listener.counts->connections;
    watch(*new Socket{descriptor, listener.counts, false, {}, 0, {}, {}}, EPOLL_CTL_ADD, EPOLLIN);
  }

  // False when the connection is over.
  bool serve(Socket& socket) {
    if (!socket.answer.empty()) return write(socket, true);
    static std::array<char, 256 * 1024> buffer;
    const auto count = recv(socket.descriptor, buffer.data(), buffer.size(), 0);
    if (count < 0) return errno == EAGAIN;
    return count > 0 && take(socket, {buffer.data(), static_cast<std::size_t>(count)});
  }

  bool take(Socket& socket, std::string_view bytes) {
    std::string whole;
    if (socket.body_left == 0) {
      if (!socket.head.empty()) {
        whole = std::move(socket.head.append(bytes));
        socket.head.clear();
        bytes = whole;
      }
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) {
        socket.head = bytes;
        return true;
      }
      const auto request = read_head(bytes.substr(0, end + 2));
      bytes.remove_prefix(end + 4);
      socket.body_left = request.body_bytes;
      socket.answer = response_of(request.answer_bytes);
      count(socket, request);
    } else {
      socket.answer = response_of(13);
    }
    const auto body = std::min(bytes.size(), socket.body_left);
    if (body != bytes.size()) give_up("a pipelined request");
    socket.body_left -= body;
    if (socket.counts) socket.counts->body_bytes += body;
    if (socket.body_left != 0) {
      socket.answer = {};
      return true;
    }
    return write(socket, false);
  }

  void count(Socket& socket, const Request& request) {
    if (socket.counts) {
      ++socket.counts->requests;
      if (!request.forwarded_for) ++socket.counts->without_forwarded_for;
      return;
    }
    std::string text;
    for (const auto& counts : counts_) {
      text += text.empty() ? "[" : ", ";
      text += "{\"connections\": " + std::to_string(counts.connections) +
              ", \"requests\": " + std::to_string(counts.requests) +
              ", \"body_bytes\": " + std::to_string(counts.body_bytes) +
              ", \"without_forwarded_for\": " + std::to_string(counts.without_forwarded_for) + "}";
    }
    socket.own_answer = response(text + "]");
    socket.answer = socket.own_answer;
  }

  bool write(Socket& socket, bool waited) const {
    const auto count = send(socket.descriptor, socket.answer.data(), socket.answer.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return false;
    if (count > 0) socket.answer.remove_prefix(static_cast<std::size_t>(count));
    if (socket.answer.empty() == waited) watch(socket, EPOLL_CTL_MOD, waited ? EPOLLIN : EPOLLOUT);
    return true;
  }

  int epoll_ = epoll_create1(0);
  std::vector<Counts> counts_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: bench_backend FIRST_PORT COUNT CONTROL_PORT\n", stderr);
    return 2;
  }
  const auto number = [&](int index) { return std::atoi(argv[index]); };
  Backend(static_cast<std::uint16_t>(number(1)), number(2), static_cast<std::uint16_t>(number(3))).run();
}
