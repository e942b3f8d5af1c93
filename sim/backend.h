// SimBackend: an HTTP server in the virtual world, with the manners and the bad manners of real ones.
//
// It answers the request "/q/<id>" with the pattern of that id (http_text.h), and checks the request's body against it.
// Who asks for an upgrade gets a tunnel in which every byte comes back; who accepts text/event-stream only, gets one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task_group.h"
#include "core/ports/clock.h"
#include "core/ports/random.h"
#include "sim/draws.h"
#include "sim/malformed_answers.h"
#include "sim/process.h"
#include "sim/world_events.h"

namespace gopher::sim {

enum class AnswerFraming : std::uint8_t { length, chunked, trailers, close };

// May be changed while it runs; each request is served by what holds when it has been read.
struct BackendSettings {
  std::uint16_t port = 8080;
  Range<Duration> latency{std::chrono::milliseconds(1), std::chrono::milliseconds(1)};  // from request to answer
  Range<Duration> slow_latency{std::chrono::seconds(1), std::chrono::seconds(5)};       // of the slow ones
  Range<std::uint64_t> body_bytes{100, 100};
  Choices<AnswerFraming> framing{AnswerFraming::length};
  // Of a thousand requests, how many are …
  std::uint32_t slow_permille = 0;       // answered after slow_latency
  std::uint32_t interim_permille = 0;    // told 103 or 100 before the answer
  std::uint32_t error_permille = 0;      // answered 500
  std::uint32_t truncate_permille = 0;   // answered with half of the body, then closed
  std::uint32_t reset_permille = 0;      // answered with a reset
  std::uint32_t malformed_permille = 0;  // answered with what breaks HTTP
  Choices<MalformedAnswer> malformed_kinds = Choices<MalformedAnswer>::first(kMalformedAnswerCount);
  // Requests after which a connection is closed; 0 for no bound. With `announces_close` the last answer says so,
  // without it the connection just ends.
  std::uint32_t requests_per_connection = 0;
  bool announces_close = true;
  // An idle connection is closed after this.
  Duration keep_alive = std::chrono::seconds(75);
  // Between the pieces of a body; 0 sends it in one. Pieces are of 1 KiB.
  Duration drip{0};
  // Bytes of a request read at a time, with a pause of `read_pause` after each; 0 reads all there is.
  std::uint32_t read_bytes = 0;
  Duration read_pause{0};
  bool upgrades = true;  // opens a tunnel for who asks
  // An event stream: an event so often, so many of them; 0 for no end.
  Duration event_every = std::chrono::milliseconds(500);
  std::uint64_t event_count = 0;
};

class SimBackend final : public SimProcess {
 public:
  SimBackend(SimNode& node, Clock& clock, WorldListener& listener, const BackendSettings& settings, std::uint64_t seed);
  ~SimBackend() override;

  void start() override;
  bool running() const noexcept override { return life_ != nullptr; }
  // After stop() its port is free at once: the next one may start while the last answers are given.
  bool ending() const noexcept override { return false; }
  bool gone() const noexcept override { return tasks_.size() == 0; }

  BackendSettings settings;
  std::string authority() const { return name() + ':' + std::to_string(settings.port); }

 private:
  // One run of the process, held by its coroutines.
  struct Life;
  struct Session;
  static void kill(Life& life);

  // Ends those too that were asked to stop before and still have answers to give.
  void kill() override;
  // Listens no more; what it is asked is still answered, then each connection closes.
  void terminate() override;

  Task<void> run(std::shared_ptr<Life> life);
  Task<void> serve(std::shared_ptr<Life> life, std::unique_ptr<Stream> stream);
  Task<bool> read_request(Life& life, Session& session);
  void take_body(Session& session);
  Task<bool> answer(Life& life, Session& session);
  Task<bool> answer_malformed(Life& life, Session& session, MalformedAnswer kind);
  Task<bool> echo(Session& session);
  Task<bool> send_events(Life& life, Session& session);
  Task<bool> write(Life& life, Session& session, std::string_view bytes);
  // The fields by which a client knows whose answer to what it is.
  std::string naming_fields(const Session& session) const;

  Clock& clock_;
  WorldListener& listener_;
  RandomStream random_;
  const std::string authority_;
  std::shared_ptr<Life> life_;
  std::vector<std::weak_ptr<Life>> stopped_;
  TaskGroup tasks_;
};

}  // namespace gopher::sim
