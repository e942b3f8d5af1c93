#include "core/membership/registry_attempts.h"

#include <algorithm>
#include <limits>
#include <string>

namespace gopher {

void RegistryAttempts::succeeded() {
  const bool recovered = failures_ > 0;
  failures_ = 0;
  observer_.on(RegistrySucceeded{.recovered = recovered});
}

Duration RegistryAttempts::failed(Error error) {
  static constexpr std::uint32_t kMaxDoublings = 20;
  Duration pause = settings_.first;
  for (std::uint32_t i = 0; i < std::min(failures_, kMaxDoublings) && pause < settings_.most; ++i)
    pause *= 2;
  pause = std::min(pause, settings_.most);
  pause = random_.jittered(pause / 4 * 3, 333);
  if (failures_ < std::numeric_limits<std::uint32_t>::max()) ++failures_;
  const std::string detail = registry_.last_failure();
  observer_.on(RegistryFailed{.error = error, .detail = detail, .consecutive_failures = failures_, .retry_in = pause});
  return pause;
}

}  // namespace gopher
