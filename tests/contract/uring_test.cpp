// The contract suite over io_uring; with no case where the system does not allow that.
#include <cstdlib>

#include "io/uring_loop.h"
#include "tests/contract/real_world.h"

namespace gopher::contract {
namespace {

std::vector<WorldKind> uring_worlds() {
  if (UringLoop::refusal()) return {};
  return real_worlds<UringLoop>();
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ClockContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AsyncContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WaitContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ClosingContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConnectContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ListenerContract);

INSTANTIATE_TEST_SUITE_P(Uring, ClockContract, testing::ValuesIn(uring_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Uring, AsyncContract, testing::ValuesIn(uring_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Uring, StreamContract, testing::ValuesIn(uring_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Uring, WaitContract, testing::ValuesIn(uring_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Uring, ClosingContract, testing::ValuesIn(uring_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Uring, ConnectContract, testing::ValuesIn(uring_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Uring, ListenerContract, testing::ValuesIn(uring_worlds()), name_of);

// Where it must be had, IO_URING=required says so: the tests above pass without it by not being there.
TEST(UringContract, IoUringIsToBeHad) {
  const auto refusal = UringLoop::refusal();
  if (!refusal) return;
  const char* const wanted = std::getenv("IO_URING");
  EXPECT_STRNE(wanted ? wanted : "", "required") << *refusal;
  GTEST_SKIP() << *refusal;
}

}  // namespace
}  // namespace gopher::contract
