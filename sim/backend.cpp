#include "sim/backend.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/async/check.h"
#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "sim/backend_session.h"

namespace gopher::sim {

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
    open = co_await read_request(*life, session);
    if (!open) break;
    open = co_await answer(*life, session);
  }
  session.stream->close();
  life->sessions.erase(place);
}

// One whole request, its body checked. False when the connection has ended.
Task<bool> SimBackend::read_request(Life& life, Session& session) {
  std::array<std::byte, 16384> buffer;
  const std::size_t at_once = settings.read_bytes > 0 ? settings.read_bytes : buffer.size();
  session.in_body = false;
  for (;;) {
    if (!session.in_body) {
      if (!session.take_head()) co_return false;
      if (session.in_body && session.expects_continue) {
        const bool written = co_await write(life, session, "HTTP/1.1 100 Continue\r\n\r\n");
        if (!written) co_return false;
      }
    }
    if (session.in_body) take_body(session);
    if (session.in_body && (session.body.done() || session.body.bad())) break;
    session.idle = !session.in_body && session.input.empty();
    const Instant deadline = session.idle ? clock_.now() + settings.keep_alive : kNever;
    const auto room = std::span(buffer).first(std::min(at_once, buffer.size()));
    const auto read = co_await read_some(*session.stream, room, deadline);
    session.idle = false;
    if (!read || *read == 0) co_return false;
    session.input.append(reinterpret_cast<const char*>(buffer.data()), *read);
    if (settings.read_bytes > 0) co_await sleep_until(clock_, clock_.now() + settings.read_pause, life.ended);
    if (life.ended.requested()) co_return false;
  }
  session.intact = session.intact && !session.body.bad();
  listener_.on(clock_.now(), BackendReceived{authority_, session.id, session.intact, session.body_bytes});
  co_return session.intact;
}

void SimBackend::take_body(Session& session) {
  std::string_view rest = session.input;
  for (auto piece = session.body.next(rest); !piece.empty(); piece = session.body.next(rest)) {
    session.intact = session.intact && is_pattern(piece, session.id, session.body_bytes);
    session.body_bytes += piece.size();
  }
  session.input.erase(0, session.input.size() - rest.size());
}

}  // namespace gopher::sim
