#include "io/metrics_shard.h"

#include <utility>

namespace gopher {
namespace {

// Two lines, as the processor fetches lines in pairs.
constexpr std::size_t kCacheLinePair = 128;

using Counter = std::atomic<std::uint64_t>;

void count_one(Counter& counter) noexcept { add_as_only_writer<std::uint64_t>(counter, 1); }

std::uint64_t read(const Counter& counter) noexcept { return counter.load(std::memory_order_relaxed); }

std::size_t status_class(int status) {
  return status >= 100 && status <= 599 ? static_cast<std::size_t>(status / 100) : 0;
}

}  // namespace

const BackendTotals& WorkerTotals::backend(std::string_view authority) const {
  static const BackendTotals kNotCounted;
  const auto counted = backends.find(authority);
  return counted == backends.end() ? kNotCounted : counted->second;
}

struct alignas(kCacheLinePair) MetricsShard::Backend {
  explicit Backend(std::string text) : authority(std::move(text)) {}

  // What each request counts comes first, on one cache line when it was quick.
  std::atomic<std::int64_t> in_flight{0};
  Counter connections_reused{0};
  DurationHistogram durations;
  const std::string authority;
  Counter failed_answers{0};
  Counter unanswered{0};
  Counter retries{0};
  Counter ejections{0};
  Counter connections_opened{0};
  std::array<Counter, kErrorKindCount> connect_failures{};
  std::atomic<std::int64_t> open_connections{0};
  // An ejection ends by itself: a backend that left while ejected is not told of again.
  std::atomic<Instant::rep> ejected_until{Instant::min().time_since_epoch().count()};
  std::atomic<Cause> ejected_because{Cause::completed};
  std::atomic<std::uint32_t> consecutive_failures{0};
};

struct alignas(kCacheLinePair) MetricsShard::Counters {
  Counter processed{0};
  Counter dropped{0};
  Counter request_body_bytes{0};
  Counter response_body_bytes{0};
  Counter connections_accepted{0};
  Counter connections_closed{0};
  Counter accept_pauses{0};
  std::array<std::array<Counter, kCauseCount>, kStatusClassCount> requests{};
};

MetricsShard::MetricsShard(std::function<Instant()> now)
    : now_(std::move(now)), counters_(std::make_unique<Counters>()) {
  by_authority_.reserve(64);
}

MetricsShard::~MetricsShard() = default;

MetricsShard::Backend& MetricsShard::backend(const BackendName& name) {
  if (name.host_number == 0) return find(name.authority);
  Known& known = known_[name.host_number % known_.size()];
  if (known.host_number != name.host_number) known = {name.host_number, &find(name.authority)};
  return *known.backend;
}

MetricsShard::Backend& MetricsShard::find(std::string_view authority) {
  if (const auto known = by_authority_.find(authority); known != by_authority_.end()) return *known->second;
  if (by_authority_.size() < kMaxBackends) {
    Backend& added = remember(std::string(authority));
    by_authority_.emplace(added.authority, &added);
    return added;
  }
  if (other_ == nullptr) other_ = &remember("other");
  return *other_;
}

MetricsShard::Backend& MetricsShard::remember(std::string authority) {
  const std::size_t index = backend_count_.load(std::memory_order_relaxed);
  backends_[index] = std::make_unique<Backend>(std::move(authority));
  backend_count_.store(index + 1, std::memory_order_release);
  return *backends_[index];
}

void MetricsShard::count(const RequestFinished& event) {
  Counters& counters = *counters_;
  count_one(event.answered_by_backend ? counters.processed : counters.dropped);
  count_one(counters.requests[status_class(event.status)][static_cast<std::size_t>(event.cause)]);
  add_as_only_writer(counters.request_body_bytes, event.bytes_in);
  add_as_only_writer(counters.response_body_bytes, event.bytes_out);
  if (event.backend.empty()) return;
  const bool failed = is_backend_failure(event.cause);
  if (event.answered_by_backend) {
    Backend& of = backend(event.backend);
    // A tunnel lives for hours: what a client waited for is the answer that opened it.
    of.durations.observe(event.cause == Cause::upgraded ? event.first_byte : event.duration);
    if (failed || event.status >= 500) count_one(of.failed_answers);
  } else if (failed) {
    count_one(backend(event.backend).unanswered);
  }
}

void MetricsShard::on(const Event& event) noexcept {
  std::visit(Overloaded{
                 [this](const RequestFinished& e) { count(e); },
                 [this](const ConnectionAccepted&) { count_one(counters_->connections_accepted); },
                 [this](const ConnectionClosed&) { count_one(counters_->connections_closed); },
                 [this](const AcceptPaused&) { count_one(counters_->accept_pauses); },
                 [this](const ExchangeBegan& e) { add_as_only_writer<std::int64_t>(backend(e.backend).in_flight, 1); },
                 [this](const ExchangeEnded& e) { add_as_only_writer<std::int64_t>(backend(e.backend).in_flight, -1); },
                 [this](const UpstreamConnectionOpened& e) {
                   Backend& of = backend(e.backend);
                   count_one(of.connections_opened);
                   add_as_only_writer<std::int64_t>(of.open_connections, 1);
                 },
                 [this](const UpstreamConnectionReused& e) { count_one(backend(e.backend).connections_reused); },
                 [this](const UpstreamConnectionClosed& e) {
                   add_as_only_writer<std::int64_t>(backend(e.backend).open_connections, -1);
                 },
                 [this](const UpstreamConnectFailed& e) {
                   count_one(backend(e.backend).connect_failures[static_cast<std::size_t>(e.kind)]);
                 },
                 [this](const RequestRetried& e) { count_one(backend(e.backend).retries); },
                 [this](const BackendEjected& e) {
                   Backend& of = backend(e.backend);
                   count_one(of.ejections);
                   of.ejected_because.store(e.cause, std::memory_order_relaxed);
                   of.consecutive_failures.store(e.consecutive_failures, std::memory_order_relaxed);
                   of.ejected_until.store((now_() + e.duration).time_since_epoch().count(), std::memory_order_relaxed);
                 },
                 [this](const BackendReturned& e) {
                   backend(e.backend).ejected_until.store(Instant::min().time_since_epoch().count(),
                                                          std::memory_order_relaxed);
                 },
                 [](const auto&) {},
             },
             event);
}

void MetricsShard::add_to(WorkerTotals& totals) const {
  const Counters& counters = *counters_;
  totals.processed += read(counters.processed);
  totals.dropped += read(counters.dropped);
  totals.request_body_bytes += read(counters.request_body_bytes);
  totals.response_body_bytes += read(counters.response_body_bytes);
  // The closed are read first, so that the gauge is never below zero.
  const auto closed = read(counters.connections_closed);
  const auto accepted = read(counters.connections_accepted);
  totals.connections_accepted += accepted;
  totals.connections += static_cast<std::int64_t>(accepted - closed);
  totals.accept_pauses += read(counters.accept_pauses);
  for (std::size_t i = 0; i < kStatusClassCount; ++i)
    for (std::size_t cause = 0; cause < kCauseCount; ++cause)
      totals.requests[i][cause] += read(counters.requests[i][cause]);

  const Instant now = now_();
  const std::size_t count = backend_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    const Backend& from = *backends_[i];
    BackendTotals& to = totals.backends[from.authority];
    from.durations.add_to(to.durations);
    to.failed_answers += read(from.failed_answers);
    to.unanswered += read(from.unanswered);
    to.retries += read(from.retries);
    to.ejections += read(from.ejections);
    to.connections_opened += read(from.connections_opened);
    to.connections_reused += read(from.connections_reused);
    for (std::size_t kind = 0; kind < kErrorKindCount; ++kind)
      to.connect_failures[kind] += read(from.connect_failures[kind]);
    to.in_flight += from.in_flight.load(std::memory_order_relaxed);
    to.open_connections += from.open_connections.load(std::memory_order_relaxed);
    const Instant until{Duration(from.ejected_until.load(std::memory_order_relaxed))};
    if (now < until) ++to.ejecting_workers;
    if (read(from.ejections) == 0 || until < to.ejected_until) continue;
    to.ejected_until = until;
    to.ejected_because = from.ejected_because.load(std::memory_order_relaxed);
    to.consecutive_failures = from.consecutive_failures.load(std::memory_order_relaxed);
  }
}

}  // namespace gopher
