#include "io/metrics.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "io/metrics_control.h"
#include "io/metrics_shard.h"
#include "io/metrics_text.h"
#include "io/process_metrics.h"

namespace gopher {
namespace {

constexpr std::array<std::string_view, kStatusClassCount> kStatusClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

Instant steady_now() {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

MetricsSettings with_clock(MetricsSettings settings) {
  if (!settings.now) settings.now = steady_now;
  return settings;
}

// The classes in which a cause is shown at 0; a rarer pair appears once it is met.
bool is_usual(Cause cause, std::size_t status_class) {
  switch (cause) {
    case Cause::completed: return status_class >= 2;
    case Cause::upgraded: return status_class == 1;
    case Cause::answered_here: return status_class == 2;
    case Cause::rate_limited:
    case Cause::request_head_timeout:
    case Cause::request_body_timeout:
    case Cause::request_body_malformed:
    case Cause::client_gone: return status_class == 4;
    case Cause::bad_request: return status_class >= 4;
    case Cause::client_stalled:
    case Cause::upstream_truncated:
    case Cause::upstream_stalled: return status_class == 2;
    case Cause::drain_deadline: return status_class == 2 || status_class == 4;
    case Cause::no_live_backend:
    case Cause::overloaded:
    case Cause::connect_refused:
    case Cause::connect_failed:
    case Cause::connect_timeout:
    case Cause::upstream_closed:
    case Cause::upstream_malformed:
    case Cause::first_byte_timeout: return status_class == 5;
  }
  return false;
}

using ErrorCounts = std::array<std::uint64_t, kErrorKindCount>;

// A counter for each kind of error: those in `usual` also at 0.
void add_errors(MetricsText& text, const ErrorCounts& counts, std::string_view label, const MetricsText::Labels& labels,
                std::initializer_list<ErrorKind> usual) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    if (counts[i] == 0 && std::find(usual.begin(), usual.end(), kind) == usual.end()) continue;
    auto with_kind = labels;
    with_kind.emplace_back(label, to_string(kind));
    text.add(counts[i], std::move(with_kind));
  }
}

void write_requests(MetricsText& text, const std::string& prefix, const WorkerTotals& workers) {
  text.counter(prefix + "processed_requests_total", "Requests that a backend answered.").add(workers.processed);
  text.counter(prefix + "dropped_requests_total", "Requests that no backend answered.").add(workers.dropped);
  text.counter(prefix + "requests_total", "Requests by class of the status sent and by the cause of their end.");
  for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
    for (std::size_t status_class = 0; status_class < kStatusClassCount; ++status_class) {
      const auto count = workers.requests[status_class][cause];
      if (count == 0 && !is_usual(static_cast<Cause>(cause), status_class)) continue;
      text.add(count, {{"status_class", std::string(kStatusClasses[status_class])},
                       {"cause", std::string(to_string(static_cast<Cause>(cause)))}});
    }
  }
  text.counter(prefix + "request_body_bytes_total", "Bytes of request bodies read from clients.")
      .add(workers.request_body_bytes);
  text.counter(prefix + "response_body_bytes_total", "Bytes of response bodies written to clients.")
      .add(workers.response_body_bytes);
  text.gauge(prefix + "downstream_connections", "Client connections now open.").add(workers.connections);
  text.counter(prefix + "downstream_connections_accepted_total", "Client connections accepted.")
      .add(workers.connections_accepted);
  text.counter(prefix + "accept_pauses_total", "Times that accepting paused at a bound of this process.")
      .add(workers.accept_pauses);
}

class BackendFamilies {
 public:
  BackendFamilies(MetricsText& text, const WorkerTotals& workers, const ControlTotals& control)
      : text_(text), control_(control), backends_(workers.backends) {
    for (const auto& member : control.verdicts)
      backends_.try_emplace(member.first);
  }

  template <class Read>
  void counter(std::string name, std::string help, Read read) {
    text_.counter(std::move(name), std::move(help));
    for (const auto& [authority, totals] : backends_)
      text_.add(read(totals), {{"backend", authority}});
  }
  // Of members, and of what a backend that left still holds.
  template <class Read>
  void gauge(std::string name, std::string help, Read read) {
    text_.gauge(std::move(name), std::move(help));
    for (const auto& [authority, totals] : backends_)
      if (const auto value = read(totals); value != 0 || is_member(authority))
        text_.add(value, {{"backend", authority}});
  }

  void write(const std::string& prefix) {
    text_.histogram(prefix + "request_duration_seconds",
                    "From the first byte of a request to the last of its response, by the backend that answered; for a "
                    "tunnel to the head of the response.");
    for (const auto& [authority, totals] : backends_)
      text_.add(totals.durations, {{"backend", authority}});

    text_.gauge(prefix + "backend_up", "1 when the control plane takes the backend to be up.");
    for (const auto& [authority, verdict] : control_.verdicts)
      text_.add(verdict == Verdict::up ? 1 : 0, {{"backend", authority}});
    text_.gauge(prefix + "backend_ejected", "Workers that now keep requests from the backend after failures.");
    for (const auto& member : control_.verdicts)
      text_.add(backends_.at(member.first).ejecting_workers, {{"backend", member.first}});

    gauge(prefix + "backend_in_flight", "Requests now at the backend.", [](const auto& of) { return of.in_flight; });
    gauge(prefix + "upstream_connections", "Connections to the backend now open, in use or idle.",
          [](const auto& of) { return of.open_connections; });
    counter(prefix + "upstream_connections_opened_total", "Connections opened to the backend.",
            [](const auto& of) { return of.connections_opened; });
    counter(prefix + "upstream_connections_reused_total", "Requests sent on a connection that was kept alive.",
            [](const auto& of) { return of.connections_reused; });
    counter(prefix + "retries_total", "Requests taken from the backend to be tried again.",
            [](const auto& of) { return of.retries; });
    counter(prefix + "backend_ejections_total", "Ejections of the backend by a worker.",
            [](const auto& of) { return of.ejections; });
    text_.counter(prefix + "upstream_connect_failures_total", "Connections to the backend that could not be opened.");
    for (const auto& [authority, totals] : backends_)
      add_errors(text_, totals.connect_failures, "reason", {{"backend", authority}},
                 {ErrorKind::refused, ErrorKind::timed_out, ErrorKind::unreachable, ErrorKind::reset,
                  ErrorKind::no_local_port});
  }

 private:
  bool is_member(const std::string& authority) const { return control_.verdicts.contains(authority); }

  MetricsText& text_;
  const ControlTotals& control_;
  std::map<std::string, BackendTotals, std::less<>> backends_;
};

void write_registry(MetricsText& text, const std::string& prefix, const ControlTotals& control, Instant started,
                    Instant now) {
  const Duration age = now - control.registry_last_success.value_or(started);
  text.gauge(prefix + "registry_reachable", "1 when the last call of the registry succeeded.")
      .add(control.registry_reachable ? 1 : 0);
  text.gauge(prefix + "registry_last_read_age_seconds",
             "Since the registry last answered; since the start while it never has.")
      .add(std::chrono::duration<double>(age).count());
  text.counter(prefix + "registry_failures_total", "Calls of the registry that failed.");
  add_errors(text, control.registry_failures, "reason", {},
             {ErrorKind::refused, ErrorKind::unreachable, ErrorKind::resolve_failed, ErrorKind::timed_out,
              ErrorKind::reset, ErrorKind::end_of_stream, ErrorKind::rejected, ErrorKind::denied});
}

void write_probes(MetricsText& text, const std::string& prefix, const std::string& label,
                  const ControlTotals& control) {
  text.counter(prefix + "probes_total", "Probes by their result.");
  for (const auto& [target, probes] : control.probes) {
    text.add(probes.succeeded, {{label, target}, {"result", "success"}});
    add_errors(text, probes.failed, "result", {{label, target}}, {ErrorKind::refused, ErrorKind::timed_out});
  }
  text.histogram(prefix + "probe_duration_seconds", "How long probes took, whatever their result.");
  for (const auto& [target, probes] : control.probes)
    text.add(probes.durations, {{label, target}});
  text.counter(prefix + "transitions_total", "Changes of verdict, by the new one.");
  for (const auto& [target, transitions] : control.transitions)
    for (const Verdict verdict : {Verdict::unknown, Verdict::up, Verdict::down})
      text.add(transitions.to[static_cast<std::size_t>(verdict)],
               {{label, target}, {"to", std::string(to_string(verdict))}});
}

void write_process(MetricsText& text) {
  const ProcessMetrics process = read_process_metrics();
  const auto gauge = [&](const char* name, const char* help, std::optional<double> value) {
    if (value) text.gauge(name, help).add(*value);
  };
  if (process.cpu_seconds)
    text.counter("process_cpu_seconds_total", "User and system CPU time, in seconds.").add(*process.cpu_seconds);
  gauge("process_start_time_seconds", "Start of the process, in seconds of Unix time.", process.start_time_seconds);
  gauge("process_resident_memory_bytes", "Resident memory.", process.resident_bytes);
  gauge("process_virtual_memory_bytes", "Virtual memory.", process.virtual_bytes);
  gauge("process_open_fds", "Open file descriptors.", process.open_descriptors);
  gauge("process_max_fds", "Bound on open file descriptors.", process.max_descriptors);
}

}  // namespace

Metrics::Metrics(MetricsSettings settings)
    : settings_(with_clock(std::move(settings))),
      started_(settings_.now()),
      control_(std::make_unique<MetricsControl>(settings_.now, settings_.members_stay)) {
  for (std::size_t i = 0; i < settings_.workers; ++i)
    shards_.push_back(std::make_unique<MetricsShard>(settings_.now));
}

Metrics::~Metrics() = default;

Observer& Metrics::worker(std::size_t index) { return *shards_.at(index); }
Observer& Metrics::control() { return *control_; }

void Metrics::add_gauge(std::string name, std::string help, std::function<double()> read) {
  callbacks_.push_back({std::move(name), std::move(help), false, std::move(read)});
}

void Metrics::add_counter(std::string name, std::string help, std::function<double()> read) {
  callbacks_.push_back({std::move(name), std::move(help), true, std::move(read)});
}

WorkerTotals Metrics::worker_totals() const {
  WorkerTotals totals;
  for (const auto& shard : shards_)
    shard->add_to(totals);
  return totals;
}

std::string Metrics::serialize() const {
  const bool proxy = settings_.flavour == MetricsFlavour::proxy;
  const std::string prefix = proxy ? "gopherproxy_" : "gophersentinel_";
  const ControlTotals control = control_->totals();
  MetricsText text;

  if (proxy) {
    const WorkerTotals workers = worker_totals();
    write_requests(text, prefix, workers);
    text.gauge(prefix + "active_backends", "Backends that now take new requests.").add(control.live);
    text.gauge(prefix + "registry_members", "Members of the registry's set that can be read.").add(control.members);
    text.counter(prefix + "registry_members_rejected_total", "Members of the registry's set that could not be read.")
        .add(control.members_rejected);
    BackendFamilies(text, workers, control).write(prefix);
    text.gauge(prefix + "draining", "1 from the signal to stop until the process ends.")
        .add(draining_.load(std::memory_order_relaxed) ? 1 : 0);
  } else {
    text.gauge(prefix + "target_up", "1 when the target is taken to be up, 0 when it is down or not known.");
    std::map<std::string, Verdict> targets(control.verdicts.begin(), control.verdicts.end());
    for (const auto& probed : control.probes)
      targets.try_emplace(probed.first, Verdict::unknown);
    for (const auto& [target, verdict] : targets)
      text.add(verdict == Verdict::up ? 1 : 0, {{"target", target}});
    text.counter(prefix + "registry_writes_total", "Writes to the registry that succeeded.")
        .add(control.registry_writes);
    text.counter(prefix + "registry_members_written_total", "Members added to and removed from the registry's set.")
        .add(control.members_written, {{"operation", "add"}})
        .add(control.members_erased, {{"operation", "remove"}});
  }
  write_probes(text, prefix, proxy ? "backend" : "target", control);
  write_registry(text, prefix, control, started_, settings_.now());

  for (const Callback& callback : callbacks_) {
    if (callback.counter) {
      text.counter(prefix + callback.name, callback.help);
    } else {
      text.gauge(prefix + callback.name, callback.help);
    }
    text.add(callback.read());
  }
  text.gauge(prefix + "build_info", "Always 1; says what runs.")
      .add(1, {{"version", settings_.version}, {"commit", settings_.commit}});
  write_process(text);
  return text.serialize();
}

}  // namespace gopher
