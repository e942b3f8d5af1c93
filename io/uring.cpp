#include "io/uring.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "core/async/check.h"

namespace gopher {

namespace {

constexpr unsigned kSubmissions = 1024;
constexpr unsigned kCompletions = 4096;
constexpr std::uint16_t kBufferGroup = 0;
constexpr std::size_t kBufferRingBytes = Uring::kBuffers * sizeof(io_uring_buf);

// The result of the system's call, a negative error number when it fails.
int open_ring(io_uring& ring, unsigned submissions, unsigned completions) {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED |
                     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  parameters.cq_entries = completions;
  return io_uring_queue_init_params(submissions, &ring, &parameters);
}

void* map_buffer_ring() {
  return ::mmap(nullptr, kBufferRingBytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
}

int register_buffer_ring(io_uring& ring, void* memory) {
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  registration.ring_entries = Uring::kBuffers;
  registration.bgid = kBufferGroup;
  return io_uring_register_buf_ring(&ring, &registration, 0);
}

// What an enter() may fail with and be tried again: it was interrupted, its time is up, or the system is short of
// memory or of room for completions. Anything else would be for ever, and completions that were lost (EBADR) too.
bool passes(int entered) {
  return entered >= 0 || entered == -EINTR || entered == -ETIME || entered == -EAGAIN || entered == -EBUSY ||
         entered == -ENOMEM;
}

std::string words_of(const char* call, int error) { return std::string(call) + ": " + std::strerror(-error); }

}  // namespace

std::optional<std::string> Uring::refusal() {
  io_uring ring;
  if (const int error = open_ring(ring, 4, 8); error < 0) return words_of("io_uring_setup", error);
  std::optional<std::string> refusal;
  void* const memory = map_buffer_ring();
  if (memory == MAP_FAILED) {
    refusal = words_of("mmap", -errno);
  } else if (const int registered = register_buffer_ring(ring, memory); registered < 0) {
    refusal = words_of("io_uring_register", registered);
  } else if (const int enabled = io_uring_enable_rings(&ring); enabled < 0) {
    refusal = words_of("io_uring_register", enabled);
  } else if (const int entered = io_uring_submit_and_get_events(&ring); entered < 0) {
    refusal = words_of("io_uring_enter", entered);
  }
  io_uring_queue_exit(&ring);
  if (memory != MAP_FAILED) ::munmap(memory, kBufferRingBytes);
  return refusal;
}

Uring::Uring() : memory_(std::make_unique_for_overwrite<std::byte[]>(kBuffers * kStride)) {
  if (const int error = open_ring(ring_, kSubmissions, kCompletions); error < 0) {
    throw std::system_error(-error, std::system_category(), "io_uring_setup");
  }
  void* const mapped = map_buffer_ring();
  const int registered = mapped == MAP_FAILED ? -errno : register_buffer_ring(ring_, mapped);
  if (registered < 0) {
    if (mapped != MAP_FAILED) ::munmap(mapped, kBufferRingBytes);
    io_uring_queue_exit(&ring_);
    throw std::system_error(-registered, std::system_category(), "io_uring_register");
  }
  buffers_ = static_cast<io_uring_buf_ring*>(mapped);
  io_uring_buf_ring_init(buffers_);
  for (unsigned index = 0; index < kBuffers; ++index)
    give_back(index);
}

Uring::~Uring() {
  io_uring_queue_exit(&ring_);
  ::munmap(buffers_, kBufferRingBytes);
}

void Uring::bind_to_thread() {
  if (bound_ == std::thread::id()) {
    GOPHER_CHECK(io_uring_enable_rings(&ring_) == 0);
    bound_ = std::this_thread::get_id();
  }
  GOPHER_CHECK(bound_to_this_thread());
  // Saves the look-up of the descriptor in each enter().
  if (!registered_) registered_ = io_uring_register_ring_fd(&ring_) == 1;
}

void Uring::unbind_from_thread() {
  if (std::exchange(registered_, false)) io_uring_unregister_ring_fd(&ring_);
}

void Uring::give_back(unsigned index) noexcept {
  io_uring_buf_ring_add(buffers_, memory_.get() + index * kStride, kBufferBytes, static_cast<unsigned short>(index),
                        io_uring_buf_ring_mask(kBuffers), 0);
  io_uring_buf_ring_advance(buffers_, 1);
}

io_uring_sqe& Uring::next_submission(UringOperation& operation) {
  GOPHER_CHECK(!operation.under_way_);
  operation.under_way_ = true;
  operation.cancelling_ = false;
  return next_entry();
}

io_uring_sqe& Uring::next_entry() {
  make_room(1);
  return *io_uring_get_sqe(&ring_);
}

void Uring::make_room(unsigned entries) {
  while (io_uring_sq_space_left(&ring_) < entries) {
    // The queue is full. The system takes nothing more while it has completions that found no room.
    const int submitted = io_uring_submit(&ring_);
    GOPHER_CHECK(passes(submitted));
    if (submitted < 0) take_completions();
  }
}

void Uring::receive(UringOperation& operation, int socket) {
  io_uring_sqe& entry = next_submission(operation);
  io_uring_prep_recv_multishot(&entry, socket, nullptr, 0, 0);
  entry.flags |= IOSQE_BUFFER_SELECT;
  entry.buf_group = kBufferGroup;
  io_uring_sqe_set_data(&entry, &operation);
}

io_uring_sqe& Uring::begin_send(UringOperation& operation, int socket, std::span<const std::byte> bytes, int flags) {
  io_uring_sqe& entry = next_submission(operation);
  // It is over when it has been submitted: it does not wait for room. With MSG_WAITALL a send of a part only is no
  // success.
  io_uring_prep_send(&entry, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL | flags);
  io_uring_sqe_set_data(&entry, &operation);
  return entry;
}

void Uring::end_quietly(UringOperation& operation, io_uring_sqe& send, UringOperation* next) {
  send.flags |= IOSQE_CQE_SKIP_SUCCESS;
  operation.quiet_ = true;
  quiet_sends_.push_back({&operation, next, static_cast<int>(send.len)});
}

void Uring::send(UringOperation& operation, int socket, std::span<const std::byte> bytes, bool awaited) {
  io_uring_sqe& entry = begin_send(operation, socket, bytes, 0);
  if (!awaited) end_quietly(operation, entry);
}

void Uring::send_and_close(UringOperation& send, UringOperation& close, int socket, std::span<const std::byte> bytes) {
  make_room(2);  // a chain ends where what is submitted at once does
  io_uring_sqe& first = begin_send(send, socket, bytes, MSG_MORE);
  first.flags |= IOSQE_IO_LINK;
  end_quietly(send, first, &close);
  io_uring_sqe& second = next_submission(close);
  io_uring_prep_close(&second, socket);
  io_uring_sqe_set_data(&second, &close);
}

void Uring::poll(UringOperation& operation, int descriptor, unsigned events) {
  io_uring_sqe& entry = next_submission(operation);
  io_uring_prep_poll_add(&entry, descriptor, events);
  io_uring_sqe_set_data(&entry, &operation);
}

void Uring::read(UringOperation& operation, int descriptor, std::span<std::byte> into) {
  io_uring_sqe& entry = next_submission(operation);
  io_uring_prep_read(&entry, descriptor, into.data(), static_cast<unsigned>(into.size()), 0);
  io_uring_sqe_set_data(&entry, &operation);
}

void Uring::close(int descriptor) {
  io_uring_sqe& entry = next_entry();
  io_uring_prep_close(&entry, descriptor);
  io_uring_sqe_set_data(&entry, nullptr);
  entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void Uring::cancel(UringOperation& operation) {
  if (!operation.under_way_ || operation.cancelling_) return;
  operation.cancelling_ = true;
  io_uring_sqe& entry = next_entry();
  io_uring_prep_cancel(&entry, &operation, 0);
  io_uring_sqe_set_data(&entry, nullptr);
  entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

std::size_t Uring::enter(Duration at_most) {
  int entered = 0;
  if (at_most <= Duration::zero() || io_uring_cq_ready(&ring_) > 0) {
    entered = io_uring_submit_and_get_events(&ring_);
  } else if (at_most == Duration::max()) {
    entered = io_uring_submit_and_wait(&ring_, 1);
  } else {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
    __kernel_timespec timeout{.tv_sec = seconds.count(),
                              .tv_nsec = std::chrono::nanoseconds(at_most - seconds).count()};
    io_uring_cqe* first = nullptr;
    entered = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  GOPHER_CHECK(passes(entered));
  const std::size_t taken = take_completions();
  // All that the system had to say of them has been heard.
  if (io_uring_sq_ready(&ring_) == 0 && !io_uring_cq_has_overflow(&ring_)) end_quiet_sends();
  return taken;
}

void Uring::end_quiet_sends() {
  for (const auto& [operation, next, bytes] : quiet_sends_) {
    operation->under_way_ = operation->quiet_ = false;
    operation->callback_(*operation, bytes, 0);
  }
  quiet_sends_.clear();
}

// Not all was sent. Nothing may remember it any longer: its owner may end now. The rest of its chain was cancelled, and
// completes in silence, as it would have.
void Uring::forget_quiet_send(UringOperation& operation) noexcept {
  const auto send = std::ranges::find(quiet_sends_, &operation, &QuietSend::operation);
  GOPHER_CHECK(send != quiet_sends_.end());
  if (send->next) send->next->under_way_ = false;
  quiet_sends_.erase(send);
}

std::size_t Uring::collect() {
  GOPHER_CHECK(passes(io_uring_get_events(&ring_)));
  return take_completions();
}

std::size_t Uring::take_completions() {
  std::size_t taken = 0;
  unsigned head;
  io_uring_cqe* completion;
  io_uring_for_each_cqe(&ring_, head, completion) {
    ++taken;
    auto* operation = static_cast<UringOperation*>(io_uring_cqe_get_data(completion));
    if (operation == nullptr) continue;
    operation->under_way_ = (completion->flags & IORING_CQE_F_MORE) != 0;
    if (std::exchange(operation->quiet_, false)) forget_quiet_send(*operation);
    operation->callback_(*operation, completion->res, completion->flags);
  }
  io_uring_cq_advance(&ring_, static_cast<unsigned>(taken));
  return taken;
}

}  // namespace gopher
