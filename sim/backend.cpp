#include "sim/backend.h"

#include <algorithm>
#include <list>
#include <utility>

#include "core/async/check.h"
#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "sim/http_text.h"

namespace gopher::sim {

namespace {

constexpr std::size_t kDripBytes = 1024;
constexpr Duration kWritePatience = std::chrono::minutes(10);

std::uint64_t drawn(RandomStream& random, std::uint64_t least, std::uint64_t most) {
  return most > least ? least + random.below(most - least + 1) : least;
}

}  // namespace

struct SimBackend::Session {
  std::unique_ptr<Stream> stream;
  std::string input;
  std::uint64_t id = 0;
  bool head_only = false;
  std::uint32_t served = 0;
  bool idle = true;
};

struct SimBackend::Life {
  std::shared_ptr<Listener> listener;
  std::list<Session*> sessions;
  Cancellation ended;
  bool draining = false;
};

SimBackend::SimBackend(SimNode& on, Clock& clock, WorldListener& listener, const BackendSettings& with,
                       std::uint64_t seed)
    : SimProcess(on),
      settings(with),
      clock_(clock),
      listener_(listener),
      random_(seed, "backend", on.name()),
      authority_(authority()) {}

SimBackend::~SimBackend() { GOPHER_CHECK(!life_ && gone()); }

void SimBackend::start() {
  if (life_) return;
  auto listening = node().listen(settings.port);
  GOPHER_CHECK(listening.has_value());
  life_ = std::make_shared<Life>();
  life_->listener = std::move(*listening);
  listener_.on(clock_.now(), ProcessStarted{name()});
  tasks_.spawn(run(life_));
}

void SimBackend::kill() {
  for (const auto& stopped : std::exchange(stopped_, {}))
    if (const auto life = stopped.lock()) kill(*life);
  if (!life_) return;
  const auto life = std::exchange(life_, nullptr);
  listener_.on(clock_.now(), ProcessEnded{name(), false});
  life->listener->close();
  kill(*life);
}

void SimBackend::kill(Life& life) {
  for (Session* session : life.sessions)
    session->stream->close();
  life.ended.request();
}

void SimBackend::terminate() {
  if (!life_) return;
  const auto life = std::exchange(life_, nullptr);
  listener_.on(clock_.now(), ProcessEnded{name(), true});
  life->draining = true;
  std::erase_if(stopped_, [](const auto& stopped) { return stopped.expired(); });
  stopped_.push_back(life);
  life->listener->close();
  for (Session* session : life->sessions)
    if (session->idle) session->stream->close();
}

Task<void> SimBackend::run(std::shared_ptr<Life> life) {
  for (;;) {
    const auto error = co_await wait_acceptable(*life->listener);
    if (error == ErrorKind::closed) co_return;
    for (;;) {
      auto accepted = life->listener->try_accept();
      if (!accepted) break;
      tasks_.spawn(serve(life, std::move(*accepted)));
    }
  }
}

Task<void> SimBackend::serve(std::shared_ptr<Life> life, std::unique_ptr<Stream> stream) {
  Session session;
  session.stream = std::move(stream);
  const auto place = life->sessions.insert(life->sessions.end(), &session);
  bool open = true;
  while (open) {
    open = co_await read_request(session);
    if (!open) break;
    open = co_await answer(*life, session);
  }
  session.stream->close();
  life->sessions.erase(place);
}

// One whole request, its body checked. False when the connection has ended.
Task<bool> SimBackend::read_request(Session& session) {
  std::array<std::byte, 16384> buffer;
  std::size_t head_bytes = 0;
  std::optional<std::uint64_t> body;
  for (;;) {
    if (!body) {
      if (const auto head = whole_head(session.input, head_bytes)) {
        const auto id = request_id(head->target());
        body = head->content_length();
        if (!id || !body) co_return false;
        session.id = *id;
        session.head_only = head->first_line.starts_with("HEAD ");
      }
    }
    if (body && session.input.size() >= head_bytes + *body) break;
    session.idle = session.input.empty();
    const Instant deadline = session.idle ? clock_.now() + settings.keep_alive : kNever;
    const auto read = co_await read_some(*session.stream, buffer, deadline);
    session.idle = false;
    if (!read || *read == 0) co_return false;
    session.input.append(reinterpret_cast<const char*>(buffer.data()), *read);
  }
  const auto content = std::string_view(session.input).substr(head_bytes, *body);
  listener_.on(clock_.now(), BackendReceived{authority_, session.id, is_pattern(content, session.id, 0)});
  session.input.erase(0, head_bytes + *body);
  co_return true;
}

Task<bool> SimBackend::write(Life& life, Session& session, std::string_view bytes) {
  const std::size_t step = settings.drip > Duration(0) ? kDripBytes : std::max<std::size_t>(bytes.size(), 1);
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, step);
    const WriteBuffer buffer = std::as_bytes(std::span(piece));
    const auto written = co_await write_all(*session.stream, clock_, kWritePatience, buffer);
    if (!written) co_return false;
    bytes.remove_prefix(piece.size());
    if (bytes.empty()) break;
    co_await sleep_until(clock_, clock_.now() + settings.drip, life.ended);
    if (life.ended.requested()) co_return false;
  }
  co_return true;
}

// False when the connection is to end.
Task<bool> SimBackend::answer(Life& life, Session& session) {
  const auto latency = drawn(random_, static_cast<std::uint64_t>(settings.latency.least.count()),
                             static_cast<std::uint64_t>(settings.latency.most.count()));
  if (latency > 0)
    co_await sleep_until(clock_, clock_.now() + Duration(static_cast<std::int64_t>(latency)), life.ended);
  if (!session.stream->is_open()) co_return false;
  ++session.served;
  if (chance(settings.reset_permille)) {
    session.stream->reset();
    co_return false;
  }
  if (chance(settings.malformed_permille)) {
    co_await write(life, session, "HTTP/1.1 2x0 ?\r\nContent-Length: many\r\n\r\n");
    co_return false;
  }
  const int status = chance(settings.error_permille) ? 500 : 200;
  const bool truncated = chance(settings.truncate_permille);
  const bool last =
      life.draining || (settings.requests_per_connection > 0 && session.served >= settings.requests_per_connection);
  const std::uint64_t length = drawn(random_, settings.body_bytes.least, settings.body_bytes.most);
  std::string bytes = status == 200 ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 500 Internal Server Error\r\n";
  bytes += "Content-Length: " + std::to_string(length) + "\r\nX-Sim-Request: " + std::to_string(session.id) +
           "\r\nX-Sim-Backend: " + authority_ + "\r\n";
  if (last && settings.announces_close) bytes += "Connection: close\r\n";
  bytes += "\r\n";
  const auto body_bytes = static_cast<std::size_t>(truncated ? length / 2 : length);
  if (!session.head_only) append_pattern(bytes, session.id, 0, body_bytes);
  listener_.on(clock_.now(), BackendAnswered{authority_, session.id, status});
  const bool written = co_await write(life, session, bytes);
  co_return written && !truncated && !last;
}

}  // namespace gopher::sim
