#include "io/log_observer.h"

#include <bit>
#include <chrono>

namespace gopher {
namespace {

constexpr Duration kPauseLineEvery = std::chrono::seconds(1);

std::string_view without_query(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view to_string(Retry retry) {
  switch (retry) {
    case Retry::no: return "no";
    case Retry::on_fresh_connection: return "on_fresh_connection";
    case Retry::on_other_backend: return "on_other_backend";
  }
  return "no";
}

}  // namespace

void append_request(JsonFields& line, const RequestFinished& event) {
  line.text("msg", "request")
      .text("method", event.method)
      .text("path", without_query(event.target), JsonFields::kMaxPathBytes)
      .address("remote_addr", event.client, event.client_port)
      .number("status", std::int64_t{event.status})
      .milliseconds("duration_ms", event.duration)
      .text("backend", event.backend)
      .number("bytes_in", event.bytes_in)
      .number("bytes_out", event.bytes_out)
      .text("request_id", event.request_id)
      .text("cause", gopher::to_string(event.cause));
  if (!event.detail.empty()) line.text("detail", event.detail);
  if (event.attempts > 1) line.number("attempts", std::uint64_t{event.attempts});
}

void LogObserver::tell(const RequestFinished& event) {
  if (!settings_.access_log || !log_.enabled(LogLevel::info)) return;
  JsonFields& line = thread_log_fields();
  append_request(line, event);
  log_.post(LogLevel::info, line);
}

// A proxy out of descriptors pauses again and again: one line a second, with the number of those not told.
void LogObserver::tell(const AcceptPaused& event) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto due = next_pause_line_.load();
  const auto next = std::chrono::duration_cast<Duration>(now + kPauseLineEvery).count();
  if (std::chrono::duration_cast<Duration>(now).count() < due || !next_pause_line_.compare_exchange_strong(due, next)) {
    untold_pauses_.fetch_add(1);
    return;
  }
  log_.warn("accepting paused", {{"reason", to_string(event.kind)}, {"untold_pauses", untold_pauses_.exchange(0)}});
}

// At the loss, then at each doubling of the failures: an outage of a day is some twenty lines.
void LogObserver::tell(const RegistryFailed& event) {
  if (!std::has_single_bit(event.consecutive_failures)) return;
  log_.warn("registry failed", {{"reason", to_string(event.error.kind)},
                                {"detail", event.detail},
                                {"consecutive_failures", event.consecutive_failures},
                                {"retry_in_ms", event.retry_in}});
}

void LogObserver::on(const Event& event) noexcept {
  const auto tell_backend = [this](std::string_view message, std::string_view backend) {
    log_.debug(message, {{"backend", backend}});
  };
  std::visit(Overloaded{
                 [&](const RequestFinished& e) { tell(e); },
                 [&](const AcceptPaused& e) { tell(e); },
                 [&](const RegistryFailed& e) { tell(e); },
                 [&](const ConnectionAccepted& e) {
                   if (!log_.enabled(LogLevel::debug)) return;
                   log_.debug("connection accepted", {{"remote_addr", e.client.to_string()}});
                 },
                 [&](const ConnectionClosed& e) {
                   if (!log_.enabled(LogLevel::debug)) return;
                   log_.debug("connection closed", {{"remote_addr", e.client.to_string()}});
                 },
                 [&](const ExchangeBegan& e) { tell_backend("exchange began", e.backend); },
                 [&](const ExchangeEnded& e) { tell_backend("exchange ended", e.backend); },
                 [&](const UpstreamConnectionOpened& e) { tell_backend("upstream connection opened", e.backend); },
                 [&](const UpstreamConnectionReused& e) { tell_backend("upstream connection reused", e.backend); },
                 [&](const UpstreamConnectionClosed& e) { tell_backend("upstream connection closed", e.backend); },
                 [&](const UpstreamConnectFailed& e) {
                   log_.debug("upstream connect failed", {{"backend", e.backend}, {"reason", to_string(e.kind)}});
                 },
                 [&](const RequestRetried& e) {
                   log_.debug("request retried", {{"backend", e.backend},
                                                  {"reason", to_string(e.error.kind)},
                                                  {"retry", to_string(e.error.retry)}});
                 },
                 [&](const BackendEjected& e) {
                   log_.warn("backend ejected", {{"backend", e.backend},
                                                 {"consecutive_failures", e.consecutive_failures},
                                                 {"ejected_for_ms", e.duration},
                                                 {"cause", to_string(e.cause)}});
                 },
                 [&](const BackendReturned& e) { log_.info("backend returned", {{"backend", e.backend}}); },
                 [&](const ProbeFinished& e) {
                   log_.debug("probe finished", {{"backend", e.backend},
                                                 {"succeeded", e.succeeded},
                                                 {"reason", e.succeeded ? "" : to_string(e.failure)},
                                                 {"status", e.status},
                                                 {"duration_ms", e.duration}});
                 },
                 [&](const VerdictChanged& e) {
                   log_.write(e.to == Verdict::up ? LogLevel::info : LogLevel::warn, "backend verdict changed",
                              {{"backend", e.backend},
                               {"from", to_string(e.from)},
                               {"to", to_string(e.to)},
                               {"reason", e.to == Verdict::up ? "" : to_string(e.reason)}});
                 },
                 [&](const MemberAdded& e) { log_.info("backend added", {{"backend", e.backend}}); },
                 [&](const MemberRemoved& e) { log_.info("backend removed", {{"backend", e.backend}}); },
                 [&](const MemberRejected& e) { log_.warn("member rejected", {{"member", e.text}, {"why", e.why}}); },
                 [&](const RejectedMemberGone& e) { log_.info("rejected member gone", {{"member", e.text}}); },
                 [&](const PoolChanged& e) {
                   log_.write(e.live > 0 ? LogLevel::info : LogLevel::warn, "pool changed",
                              {{"members", e.members}, {"live", e.live}});
                 },
                 [&](const RegistrySucceeded& e) {
                   if (e.recovered) log_.info("registry recovered");
                 },
                 [&](const RegistryWritten& e) {
                   log_.write(e.added + e.removed > 0 ? LogLevel::info : LogLevel::debug, "registry written",
                              {{"added", e.added}, {"removed", e.removed}});
                 },
             },
             event);
}

}  // namespace gopher
