#include "core/balance/outlier.h"

#include <algorithm>
#include <limits>

namespace gopher {

namespace {

// base × 2^doublings, no longer than `longest`.
Duration ejection_time(const OutlierSettings& settings, std::uint32_t doublings) noexcept {
  Duration time = std::min(settings.base_ejection, settings.longest_ejection);
  for (std::uint32_t i = 0; i < doublings && time < settings.longest_ejection; ++i) {
    time = time > settings.longest_ejection / 2 ? settings.longest_ejection : time * 2;
    if (time <= Duration::zero()) break;
  }
  return std::max(time, Duration::zero());
}

}  // namespace

bool OutlierState::on_failure(const OutlierSettings& settings, Instant now) noexcept {
  if (consecutive_failures_ < std::numeric_limits<std::uint32_t>::max()) ++consecutive_failures_;
  if (settings.consecutive_failures == 0) return false;
  // Requests begun before the ejection end after it: they tell nothing new.
  if (ejected(now)) return false;
  // The count is kept while ejected, so on trial the first failure is enough.
  if (consecutive_failures_ < settings.consecutive_failures) return false;
  const Duration time = ejection_time(settings, ejections_in_a_row_);
  ejected_until_ = now > kNever - time ? kNever : now + time;
  ++ejections_in_a_row_;
  return true;
}

bool OutlierState::on_success() noexcept {
  const bool returned = ejections_in_a_row_ > 0;
  *this = OutlierState();
  return returned;
}

}  // namespace gopher
