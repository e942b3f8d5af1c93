// The Pipe port on a pipe of the system and splice(2), for the streams of both loops.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <span>

#include "core/ports/network.h"

namespace gopher {

// Writing to a socket whose peer has gone raises SIGPIPE, which the process has to ignore (io/signals.cpp does).
class SplicePipe final : public Pipe {
 public:
  // Null when no descriptors are left, or when the system (a container's policy) does not let sockets be spliced.
  static std::unique_ptr<SplicePipe> make() noexcept;
  ~SplicePipe() override;
  SplicePipe(const SplicePipe&) = delete;
  SplicePipe& operator=(const SplicePipe&) = delete;

  // As much as fits. Each result is that of the system's call: an error is the negative errno.
  std::ptrdiff_t read_from(int socket, std::size_t most) noexcept;  // 0 is the peer's end of stream
  std::ptrdiff_t write_to(int socket) noexcept;
  std::ptrdiff_t put(std::span<const std::byte> bytes) noexcept;

 private:
  SplicePipe(int read_end, int write_end) noexcept : read_end_(read_end), write_end_(write_end) {}

  int read_end_;
  int write_end_;
};

}  // namespace gopher
