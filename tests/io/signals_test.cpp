#include "io/signals.h"

#include <csignal>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

TEST(SignalWatch, EveryDeliveryIsCalledBackOnTheLoop) {
  EventLoop loop;
  std::vector<int> seen;
  const SignalWatch watch(loop, [&](int number) { seen.push_back(number); });
  std::raise(SIGTERM);
  std::raise(SIGTERM);
  EXPECT_TRUE(seen.empty()) << "not inside the signal handler";
  ASSERT_TRUE(run_until(loop, [&] { return seen.size() == 2; }));
  std::raise(SIGINT);
  ASSERT_TRUE(run_until(loop, [&] { return seen.size() == 3; }));
  EXPECT_EQ(seen, (std::vector{SIGTERM, SIGTERM, SIGINT}));
}

TEST(SignalWatch, TheCallbackMayDestroyTheWatch) {
  EventLoop loop;
  bool called = false;
  std::unique_ptr<SignalWatch> watch;
  watch = std::make_unique<SignalWatch>(loop, [&](int) {
    called = true;
    watch.reset();
  });
  std::raise(SIGINT);
  ASSERT_TRUE(run_until(loop, [&] { return called; }));
  EXPECT_EQ(watch, nullptr);
}

TEST(SignalWatch, ABrokenPipeDoesNotEndTheProcess) {
  EventLoop loop;
  const SignalWatch watch(loop, [](int) {});
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  ::close(ends[1]);
}

}  // namespace
}  // namespace gopher::test
