// NameResolver: looks names up with getaddrinfo on threads of its own, which is the only way that honours everything
// the machine is configured with.
//
// Asio's own resolver is not used: it has one thread, where one dead name server holds up every other name, and its
// destructor waits for getaddrinfo, which may take half a minute.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/error.h"

namespace gopher {

// At most one look-up of a name is under way: whoever asks for it meanwhile gets the same answer. So a name whose
// look-up hangs holds one thread, however often it is asked for, and only kMaxThreads such names hold up the others.
class NameResolver {
 public:
  using Result = std::expected<std::vector<IpAddress>, ErrorKind>;
  // Blocks until it knows; called on any of the resolver's threads.
  using Lookup = std::function<Result(const std::string& host)>;
  // Called on a thread of the resolver, never after the destructor has begun, and once a question.
  using Deliver = std::function<void(std::uint64_t question, Result result)>;

  static constexpr std::size_t kMaxThreads = 16;
  static constexpr std::size_t kMaxQuestions = 1024;  // asked and neither answered nor forgotten

  NameResolver(Lookup lookup, Deliver deliver);
  // Waits at most 200 ms for the look-ups under way, and leaves those that take longer to end by themselves.
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // False when kMaxQuestions are open already, or no thread can be had.
  bool ask(std::uint64_t question, std::string host);
  // The answer is not wanted any more; it may still be delivered.
  void forget(std::uint64_t question) noexcept;

 private:
  struct Shared;
  static void work(std::shared_ptr<Shared> shared) noexcept;

  std::shared_ptr<Shared> shared_;
};

// getaddrinfo for TCP: at most ResolveAttempt::kMaxAddresses addresses, no duplicates, in its order (RFC 6724).
// Errors: no_such_host, resolve_failed.
NameResolver::Result system_lookup(const std::string& host);

// `found`, or for "localhost", when that is a failure, 127.0.0.1 and ::1: the name needs no name service (RFC 6761
// section 6.3), and some containers lack the line in /etc/hosts.
NameResolver::Result or_loopback(std::string_view host, NameResolver::Result found);

}  // namespace gopher
