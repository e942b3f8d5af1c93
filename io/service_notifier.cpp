#include "io/service_notifier.h"

#include <algorithm>
#include <cstddef>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/config_values.h"

namespace gopher {

namespace {

std::string_view value_of(const EnvironmentLookup& environment, const char* name) {
  const char* const value = environment(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

ServiceNotifier::ServiceNotifier(const EnvironmentLookup& environment) : path_(value_of(environment, "NOTIFY_SOCKET")) {
  if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) return;
  descriptor_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  const auto watched_pid = value_of(environment, "WATCHDOG_PID");
  const auto micros = parse_count(value_of(environment, "WATCHDOG_USEC"));
  const bool of_this_process = watched_pid.empty() || parse_count(watched_pid) == static_cast<std::uint64_t>(getpid());
  if (micros && *micros > 0 && of_this_process) watchdog_timeout_ = std::chrono::microseconds(*micros);
}

ServiceNotifier::~ServiceNotifier() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool ServiceNotifier::stopping(Duration at_most, std::string_view status) const {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(at_most).count();
  return send("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(micros), status);
}

bool ServiceNotifier::send(std::string_view state, std::string_view status) const {
  if (path_.empty()) return true;
  if (descriptor_ < 0) return false;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::copy(path_.begin(), path_.end(), to.sun_path);
  if (path_.front() == '@') to.sun_path[0] = '\0';  // a name of the abstract space, written so
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  const std::string message = std::string(state) + "\nSTATUS=" + std::string(status);
  const auto sent =
      sendto(descriptor_, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to), size);
  return sent == static_cast<ssize_t>(message.size());
}

}  // namespace gopher
