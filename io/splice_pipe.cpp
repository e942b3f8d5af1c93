#include "io/splice_pipe.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gopher {

namespace {

// A pipe has a slot for each piece, 16 in the usual one of 64 KiB; what a network brings is often in pieces smaller
// than a page, so the slots run out before the bytes.
constexpr int kCapacity = 128 * 1024;

std::ptrdiff_t splice_some(int from, int to, std::size_t most) noexcept {
  for (;;) {
    const ssize_t count = ::splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (count >= 0) return count;
    if (errno != EINTR) return -errno;
  }
}

// False also when there are no descriptors for trying it.
bool sockets_can_be_spliced() noexcept {
  std::array<int, 2> sockets{};
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) return false;
  bool can = false;
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
    can = ::write(sockets[0], "x", 1) == 1 && splice_some(sockets[1], ends[1], 1) == 1 &&
          splice_some(ends[0], sockets[1], 1) == 1;
    for (const int end : ends)
      ::close(end);
  }
  for (const int socket : sockets)
    ::close(socket);
  return can;
}

}  // namespace

std::unique_ptr<SplicePipe> SplicePipe::make() noexcept {
  static std::atomic<bool> known_to_work = false;
  if (!known_to_work && !sockets_can_be_spliced()) return nullptr;
  known_to_work = true;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
  // Where the user has its share of pages (pipe-user-pages-soft), the pipe stays small, two pages at the least: slower.
  (void)::fcntl(ends[1], F_SETPIPE_SZ, kCapacity);
  return std::unique_ptr<SplicePipe>(new SplicePipe(ends[0], ends[1]));
}

SplicePipe::~SplicePipe() {
  ::close(read_end_);
  ::close(write_end_);
}

std::ptrdiff_t SplicePipe::read_from(int socket, std::size_t most) noexcept {
  const auto count = splice_some(socket, write_end_, most);
  if (count > 0) bytes_ += static_cast<std::size_t>(count);
  return count;
}

std::ptrdiff_t SplicePipe::write_to(int socket) noexcept {
  const auto count = splice_some(read_end_, socket, bytes_);
  if (count > 0) bytes_ -= static_cast<std::size_t>(count);
  return count;
}

std::ptrdiff_t SplicePipe::put(std::span<const std::byte> bytes) noexcept {
  const ssize_t count = ::write(write_end_, bytes.data(), bytes.size());
  if (count < 0) return -errno;
  bytes_ += static_cast<std::size_t>(count);
  return count;
}

}  // namespace gopher
