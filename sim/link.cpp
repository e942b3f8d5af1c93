#include "sim/link.h"

#include <algorithm>

#include "sim/node.h"

namespace gopher::sim {

bool Link::blocked() const noexcept { return partitioned || from_.vanished() || to_.vanished(); }

Instant Link::arrival(Instant now, std::size_t bytes, RandomStream& random) noexcept {
  Instant departed = now;
  if (settings.bytes_per_second > 0) {
    const std::uint64_t nanoseconds = bytes * 1'000'000'000u / settings.bytes_per_second;
    departed = std::max(now, busy_until_) + Duration(static_cast<std::int64_t>(nanoseconds));
    busy_until_ = departed;
  }
  Duration travel = settings.latency;
  if (settings.jitter > Duration(0)) {
    travel +=
        Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(settings.jitter.count()) + 1)));
  }
  if (settings.tail_permille > 0 && random.below(1000) < settings.tail_permille)
    travel += Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(settings.tail.count()) + 1)));
  return std::max(departed + travel, clogged_until);
}

}  // namespace gopher::sim
