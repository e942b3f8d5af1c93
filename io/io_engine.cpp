#include "io/io_engine.h"

#include "io/event_loop.h"
#include "io/uring_loop.h"

namespace gopher {

std::string_view to_string(IoEngine engine) {
  switch (engine) {
    case IoEngine::io_uring: return "io_uring";
    case IoEngine::epoll: return "epoll";
    default: return "auto";
  }
}

std::optional<IoEngine> parse_io_engine(std::string_view text) {
  for (const IoEngine engine : {IoEngine::automatic, IoEngine::io_uring, IoEngine::epoll}) {
    if (text == to_string(engine)) return engine;
  }
  return std::nullopt;
}

ChosenEngine choose_engine(IoEngine wanted) {
  if (wanted == IoEngine::epoll) return {IoEngine::epoll, ""};
  if (auto refusal = UringLoop::refusal()) return {IoEngine::epoll, std::move(*refusal)};
  return {IoEngine::io_uring, ""};
}

std::unique_ptr<NetworkLoop> make_loop(IoEngine chosen) {
  if (chosen == IoEngine::io_uring) return std::make_unique<UringLoop>();
  return std::make_unique<EventLoop>();
}

}  // namespace gopher
