// HttpServer: a small HTTP/1.1 server for pages that this process makes itself: the metrics port, the demo backend.
//
// It reads requests with the data path's parser and limits (core/http), so what that refuses is refused here too. A
// page is made whole in memory; nothing that came from the network is put into one by the server itself.
//
//   accepted ──▶ idle ──first byte──▶ reading head ──▶ (reading body) ──▶ writing page ──▶ idle, or lingering ──▶
//   closed
//
// Bounds: `max_connections` at once (when they are all taken, the one that has been idle longest makes room; when
// none is idle, the one whose head was begun longest ago and is not whole yet; else accepting waits); one buffer of the
// head's limit each; every phase has a timeout. All calls on the thread of the listener's loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/sleep.h"
#include "core/async/task.h"
#include "core/async/task_group.h"
#include "core/http/framing.h"
#include "core/http/head_parser.h"
#include "core/http/http_date.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"

namespace gopher {

struct HttpPage {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";  // a fixed text
  std::string body;
  std::string content_security_policy{};  // of an HTML page; no field when empty
};

// What is served. Called on the server's thread, for each request, in order on each connection.
class HttpPages {
 public:
  virtual ~HttpPages() = default;
  // `path` is without its query and lives during the call. An unknown one gets a page with status 404.
  virtual HttpPage respond(std::string_view path) = 0;
};

struct HttpServerSettings {
  http::HeadLimits head;
  Duration head_timeout = std::chrono::seconds(5);            // first byte of a head to its last
  Duration idle_timeout = std::chrono::seconds(75);           // between requests; Prometheus scrapes every 15 s
  Duration body_idle_timeout = std::chrono::seconds(30);      // between bytes of a request body
  Duration write_idle_timeout = std::chrono::seconds(10);     // a client that reads nothing
  Duration linger = std::chrono::seconds(1);                  // for the client to read an answer before the close
  Duration exhausted_pause = std::chrono::milliseconds(100);  // of accepting, when descriptors have run out
  std::size_t max_connections = 64;
  // false: only GET and HEAD, others get 405. true: any method, its body is read and dropped.
  bool any_method = false;
};

class HttpServer {
 public:
  // `clock` and `pages` outlive the server.
  HttpServer(Clock& clock, std::unique_ptr<Listener> listener, HttpPages& pages, const HttpServerSettings& settings);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Serves until close(); ends when every connection has ended.
  Task<void> run();
  // Stops listening and closes every connection. Idempotent.
  void close() noexcept;

  const SocketAddress& local() const noexcept { return listener_->local(); }
  std::size_t connections() const noexcept { return connections_.size(); }

 private:
  struct Connection {
    Connection(std::unique_ptr<Stream> accepted, const HttpServerSettings& settings);

    std::unique_ptr<Stream> stream;
    http::RequestHeadParser parser;
    std::vector<char> buffer;
    std::size_t filled = 0;       // bytes of the buffer that hold input
    Instant idle_since = kNever;  // kNever while a request is under way
    Instant head_begun = kNever;  // kNever unless a head has begun and is not whole yet
    bool asks_with_head = false;  // the request last read is a HEAD: whatever answers it has no body
    bool unread_input = false;    // closing now would send a reset that may destroy the answer
  };
  enum class Then : std::uint8_t { keep, close };

  Task<void> serve(std::unique_ptr<Stream> stream);
  Task<Then> exchange(Connection& connection);
  Task<http::ParseStatus> read_head(Connection& connection);
  // False when the body ended early, is malformed, or the client stopped sending.
  Task<bool> drop_body(Connection& connection, http::Framing framing);
  Task<bool> write_page(Connection& connection, HttpPage page, bool keep_alive);
  Task<void> linger(Connection& connection);
  bool make_room() noexcept;

  Clock& clock_;
  std::unique_ptr<Listener> listener_;
  HttpPages& pages_;
  const HttpServerSettings settings_;
  std::vector<Connection*> connections_;  // in order of acceptance
  Signal room_;  // a connection has ended, or, while all were taken, has become one that may be told to end
  Cancellation closing_;
  http::DateText date_;
};

}  // namespace gopher
