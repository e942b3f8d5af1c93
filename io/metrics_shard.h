// MetricsShard: what one worker counts.
//
// Only its worker writes it, with plain additions to relaxed atomics on cache lines of its own; a scrape reads it from
// another thread at any time and sums the shards. Nothing is allocated once a backend is known. At most kMaxBackends
// backends are remembered one by one; those that come later share the label "other".
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/ports/observer.h"
#include "io/metrics_histogram.h"

namespace gopher {

inline constexpr std::size_t kErrorKindCount = static_cast<std::size_t>(ErrorKind::rejected) + 1;
// "none" (nothing was sent), "1xx" … "5xx".
inline constexpr std::size_t kStatusClassCount = 6;

// Sums over the shards, of one backend.
struct BackendTotals {
  DurationTotals durations;  // of the requests that it answered
  // Requests that ended in its failure: answered with 5xx or cut off within the answer; never answered.
  std::uint64_t failed_answers = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t retries = 0;
  std::uint64_t ejections = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_reused = 0;
  std::array<std::uint64_t, kErrorKindCount> connect_failures{};
  std::int64_t in_flight = 0;
  std::int64_t open_connections = 0;
  std::uint64_t ejecting_workers = 0;
  // Of the ejection that lasts longest, or lasted; meaningful once there was one.
  Instant ejected_until = Instant::min();
  Cause ejected_because = Cause::completed;
  std::uint32_t consecutive_failures = 0;
};

// Sums over the shards.
struct WorkerTotals {
  std::uint64_t processed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t request_body_bytes = 0;
  std::uint64_t response_body_bytes = 0;
  std::uint64_t connections_accepted = 0;
  std::int64_t connections = 0;
  std::uint64_t accept_pauses = 0;
  std::array<std::array<std::uint64_t, kCauseCount>, kStatusClassCount> requests{};
  std::map<std::string, BackendTotals, std::less<>> backends;  // every one that was ever counted

  // All zero for one that was not.
  const BackendTotals& backend(std::string_view authority) const;
};

class MetricsShard final : public Observer {
 public:
  static constexpr std::size_t kMaxBackends = 4096;
  static constexpr std::size_t kNumberedHosts = 1024;

  // `now` may be called on the worker's and on the scraping thread.
  explicit MetricsShard(std::function<Instant()> now);
  ~MetricsShard() override;

  // On the worker's thread.
  void on(const Event& event) noexcept override;
  // Any thread.
  void add_to(WorkerTotals& totals) const;

 private:
  struct Backend;
  struct Counters;

  Backend& backend(const BackendName& name);
  Backend& find(std::string_view authority);
  Backend& remember(std::string authority);
  void count(const RequestFinished& event);

  const std::function<Instant()> now_;
  const std::unique_ptr<Counters> counters_;

  // The worker's way to a backend. Its keys lie in the backends.
  std::unordered_map<std::string_view, Backend*> by_authority_;
  // The short way, since to hash a name and to find it costs more than to count: at the host's number, modulo the size.
  // Of two hosts at one place the one counted last has it, and the other is found by its name.
  struct Known {
    std::uint64_t host_number = 0;
    Backend* backend = nullptr;
  };
  std::array<Known, kNumberedHosts> known_{};
  // The scrape's way: the first `backend_count_` never change again. The last place is for "other".
  std::array<std::unique_ptr<Backend>, kMaxBackends + 1> backends_;
  std::atomic<std::size_t> backend_count_{0};
  Backend* other_ = nullptr;
};

}  // namespace gopher
