// World: what a binding of the Clock and Network ports gives the contract suite. The suite is compiled once; each
// binding adds a file that instantiates it, and keeps what only it can provoke in a file of its own.
//
// The bodies of the tests are coroutines: static functions with explicit parameters, driven by World::run.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "core/async/task.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"

namespace gopher::contract {

class World {
 public:
  virtual ~World() = default;

  virtual Clock& clock() = 0;
  virtual Connector& connector() = 0;
  // Listens on an address that connector() reaches; port 0 takes a free one.
  virtual std::expected<std::unique_ptr<Listener>, ErrorKind> listen(std::uint16_t port = 0) = 0;
  // An address that answers, where nobody listens.
  virtual SocketAddress nobody_listens() = 0;
  // Runs the loop until `task` has ended. A task that does not end within a bound (30 s of real time, an hour of
  // virtual time) ends the program with a message: it cannot be destroyed in the middle of an operation.
  virtual void run(Task<void> task) = 0;
};

struct WorldKind {
  const char* name;
  std::function<std::unique_ptr<World>()> make;
};
inline void PrintTo(const WorldKind& kind, std::ostream* out) { *out << kind.name; }
inline std::string name_of(const testing::TestParamInfo<WorldKind>& info) { return info.param.name; }

class Contract : public testing::TestWithParam<WorldKind> {
 protected:
  std::unique_ptr<World> world = GetParam().make();
};

// A binding instantiates each: INSTANTIATE_TEST_SUITE_P(Sim, StreamContract, testing::ValuesIn(kinds), name_of);
class ClockContract : public Contract {};
class AsyncContract : public Contract {};
class StreamContract : public Contract {};
class WaitContract : public Contract {};
class ClosingContract : public Contract {};
class ConnectContract : public Contract {};
class ListenerContract : public Contract {};

}  // namespace gopher::contract

// ASSERT_ of gtest returns, which a coroutine cannot.
#define CO_ASSERT(condition)               \
  do {                                     \
    if (!(condition)) {                    \
      ADD_FAILURE() << "not: " #condition; \
      co_return;                           \
    }                                      \
  } while (false)
