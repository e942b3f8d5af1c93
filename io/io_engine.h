// Which of the system's interfaces the workers do their input and output with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/network_loop.h"

namespace gopher {

// The setting. `automatic` is io_uring where the system lets this program use it, else epoll.
enum class IoEngine : std::uint8_t { automatic, io_uring, epoll };

// "auto", "io_uring" or "epoll".
std::optional<IoEngine> parse_io_engine(std::string_view text);

struct ChosenEngine {
  IoEngine engine;      // io_uring or epoll
  std::string refusal;  // why it is not io_uring although that was wanted; empty when it is as wanted
};
ChosenEngine choose_engine(IoEngine wanted);
std::string_view to_string(IoEngine engine);

// Throws std::system_error when the system gives no descriptors or memory for it.
std::unique_ptr<NetworkLoop> make_loop(IoEngine chosen);

}  // namespace gopher
