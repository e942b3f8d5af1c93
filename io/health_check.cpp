#include "io/health_check.h"

#include <utility>

#include "core/async/task_group.h"
#include "core/health/probe.h"
#include "io/event_loop.h"

namespace gopher {

namespace {

Task<void> ask(EventLoop& loop, ProbeRequest request, ProbeResult& result) {
  Cancellation never;
  result = co_await probe(loop.connector(), loop.clock(), std::move(request), never);
  loop.stop();
}

}  // namespace

StartRefusal ask_health(std::string_view program, const std::optional<IpAddress>& address, std::uint16_t port,
                        std::string_view path) {
  const SocketAddress at{address.value_or(IpAddress::v4({127, 0, 0, 1})), port};
  const std::string url = "http://" + at.to_string() + std::string(path);
  const auto answer = [&](int exit_code, const std::string& words) {
    return StartRefusal{exit_code, std::string(program) + ": " + words};
  };
  std::string why_not;
  const auto endpoint = Endpoint::parse_authority(at.to_string(), why_not);
  if (!endpoint) return answer(1, "unhealthy: " + url + ": " + why_not);

  EventLoop loop;
  ProbeResult result;
  TaskGroup asking;
  ProbeRequest request{.endpoint = *endpoint, .timeout = std::chrono::seconds(2), .http_path = std::string(path)};
  asking.spawn(ask(loop, std::move(request), result));
  loop.run();
  if (result.succeeded) return answer(0, "healthy: " + url + " answers");
  std::string why(to_string(result.failure));
  if (result.status != 0) why += ", status " + std::to_string(result.status);
  return answer(1, "unhealthy: " + url + ": " + why);
}

}  // namespace gopher
