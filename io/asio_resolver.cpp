#include "io/asio_resolver.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
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
  struct LookUp {
    std::string host;
    std::vector<std::uint64_t> questions;  // those that its answer is for
  };
  using LookUps = std::list<LookUp>;

  LookUp* look_up_of(std::string_view host) noexcept {
    for (LookUps* look_ups : {&running, &waiting}) {
      const auto found = std::ranges::find(*look_ups, host, &LookUp::host);
      if (found != look_ups->end()) return &*found;
    }
    return nullptr;
  }

  std::mutex mutex;
  std::condition_variable changed;
  LookUps waiting;  // in the order of asking; each has a question
  LookUps running;  // one a thread that is not idle; stays when its questions are forgotten
  std::size_t questions = 0;
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
  if (shared_->questions == kMaxQuestions) return false;
  if (auto* look_up = shared_->look_up_of(host)) {
    look_up->questions.push_back(question);
    ++shared_->questions;
    return true;
  }
  if (shared_->idle_threads <= shared_->waiting.size() && shared_->threads < kMaxThreads) {
    try {
      std::thread(&NameResolver::work, shared_).detach();
      ++shared_->threads;
    } catch (const std::system_error&) {
      if (shared_->threads == 0) return false;
    }
  }
  shared_->waiting.push_back({std::move(host), {question}});
  ++shared_->questions;
  shared_->changed.notify_one();
  return true;
}

void NameResolver::forget(std::uint64_t question) noexcept {
  const std::lock_guard lock(shared_->mutex);
  for (auto* look_ups : {&shared_->running, &shared_->waiting}) {
    for (auto& look_up : *look_ups)
      shared_->questions -= std::erase(look_up.questions, question);
  }
  std::erase_if(shared_->waiting, [](const auto& look_up) { return look_up.questions.empty(); });
}

void NameResolver::work(std::shared_ptr<Shared> shared) noexcept {
  std::unique_lock lock(shared->mutex);
  for (;;) {
    ++shared->idle_threads;
    shared->changed.wait(lock, [&] { return shared->stopping || !shared->waiting.empty(); });
    --shared->idle_threads;
    if (shared->stopping) break;
    const auto look_up = shared->waiting.begin();
    shared->running.splice(shared->running.end(), shared->waiting, look_up);
    lock.unlock();
    // The host does not change while the look-up runs; its questions do, under the lock.
    const auto result = shared->lookup(look_up->host);
    lock.lock();
    if (shared->stopping) break;
    // Under the lock, so that the destructor cannot overtake it.
    for (const std::uint64_t question : look_up->questions)
      shared->deliver(question, result);
    shared->questions -= look_up->questions.size();
    shared->running.erase(look_up);
  }
  --shared->threads;
  shared->changed.notify_all();
}

NameResolver::Result or_loopback(std::string_view host, NameResolver::Result found) {
  if (found) return found;
  const auto same = [](char left, char right) { return (left >= 'A' && left <= 'Z' ? left + 32 : left) == right; };
  if (!std::ranges::equal(host, std::string_view("localhost"), same)) return found;
  return std::vector{IpAddress::v4({127, 0, 0, 1}), *IpAddress::parse("::1")};
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
  if (error != 0) return or_loopback(host, std::unexpected(resolve_error(error)));
  std::vector<IpAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (addresses.size() == ResolveAttempt::kMaxAddresses) break;
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    const IpAddress address = to_socket_address(each->ai_addr).ip;
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  if (addresses.empty()) return or_loopback(host, std::unexpected(ErrorKind::no_such_host));
  return addresses;
}

}  // namespace gopher
