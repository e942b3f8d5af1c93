#include "io/asio_resolver.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <netdb.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

#include "core/ports/network.h"
#include "io/asio_address.h"
#include "io/asio_errors.h"

namespace gopher {

// Outlives the resolver in the threads that are still inside getaddrinfo.
struct NameResolver::Shared {
  struct Question {
    std::uint64_t number;
    std::string host;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Question> waiting;
  std::size_t threads = 0;
  std::size_t idle_threads = 0;
  bool stopping = false;
  Lookup lookup;
  Deliver deliver;
};

NameResolver::NameResolver(Lookup lookup, Deliver deliver) : shared_(std::make_shared<Shared>()) {
  shared_->lookup = std::move(lookup);
  shared_->deliver = std::move(deliver);
}

NameResolver::~NameResolver() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->waiting.clear();
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, std::chrono::milliseconds(200), [&] { return shared_->threads == 0; });
}

bool NameResolver::ask(std::uint64_t question, std::string host) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->waiting.size() >= kMaxWaiting) return false;
  if (shared_->idle_threads <= shared_->waiting.size() && shared_->threads < kMaxThreads) {
    try {
      std::thread(&NameResolver::work, shared_).detach();
      ++shared_->threads;
    } catch (const std::system_error&) {
      if (shared_->threads == 0) return false;
    }
  }
  shared_->waiting.push_back({question, std::move(host)});
  shared_->changed.notify_one();
  return true;
}

void NameResolver::forget(std::uint64_t question) noexcept {
  const std::lock_guard lock(shared_->mutex);
  std::erase_if(shared_->waiting, [&](const auto& waiting) { return waiting.number == question; });
}

void NameResolver::work(std::shared_ptr<Shared> shared) noexcept {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    ++shared->idle_threads;
    shared->changed.wait(lock, [&] { return shared->stopping || !shared->waiting.empty(); });
    --shared->idle_threads;
    if (shared->stopping) break;
    const auto question = std::move(shared->waiting.front());
    shared->waiting.pop_front();
    lock.unlock();
    auto result = shared->lookup(question.host);
    lock.lock();
    if (shared->stopping) break;
    // Under the lock, so that the destructor cannot overtake it.
    shared->deliver(question.number, std::move(result));
  }
  --shared->threads;
  shared->changed.notify_all();
}

NameResolver::Result system_lookup(const std::string& host) {
  // getaddrinfo would look only at what stands before a zero byte.
  if (host.empty() || host.find('\0') != std::string::npos) return std::unexpected(ErrorKind::no_such_host);
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (error != 0) return std::unexpected(resolve_error(error));
  std::vector<IpAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (addresses.size() == ResolveAttempt::kMaxAddresses) break;
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    const IpAddress address = to_socket_address(each->ai_addr).ip;
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return std::unexpected(ErrorKind::no_such_host);
  return addresses;
}

}  // namespace gopher
