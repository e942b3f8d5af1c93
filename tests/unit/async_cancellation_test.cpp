#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "core/async/cancellation.h"

namespace gopher {
namespace {

// A hook that writes its number into a log, and then does what the test says.
struct LoggingHook {
  LoggingHook(Cancellation& cancellation, int number_in_log, std::vector<int>& log_of_test)
      : number(number_in_log), log(log_of_test) {
    hook.emplace(cancellation, &called, this);
  }
  static void called(void* context) {
    auto& self = *static_cast<LoggingHook*>(context);
    self.log.push_back(self.number);
    if (self.then) self.then();
  }
  int number;
  std::vector<int>& log;
  std::optional<CancellationHook> hook;
  std::function<void()> then;
};

TEST(Cancellation, HooksRunOldestFirstAndOnce) {
  Cancellation cancellation;
  std::vector<int> log;
  LoggingHook first(cancellation, 1, log);
  LoggingHook second(cancellation, 2, log);
  LoggingHook third(cancellation, 3, log);
  second.hook.reset();
  EXPECT_FALSE(cancellation.requested());
  cancellation.request();
  EXPECT_TRUE(cancellation.requested());
  cancellation.request();
  EXPECT_EQ(log, (std::vector{1, 3}));
}

TEST(Cancellation, AHookMayDestroyItselfAndAnyOther) {
  Cancellation cancellation;
  std::vector<int> log;
  LoggingHook first(cancellation, 1, log);
  LoggingHook second(cancellation, 2, log);
  LoggingHook third(cancellation, 3, log);
  LoggingHook fourth(cancellation, 4, log);
  second.then = [&] {
    first.hook.reset();
    second.hook.reset();
    third.hook.reset();
  };
  cancellation.request();
  EXPECT_EQ(log, (std::vector{1, 2, 4}));
}

TEST(Cancellation, TheLastHookMayBeRemovedByTheOneBefore) {
  Cancellation cancellation;
  std::vector<int> log;
  LoggingHook first(cancellation, 1, log);
  LoggingHook last(cancellation, 2, log);
  first.then = [&] { last.hook.reset(); };
  cancellation.request();
  EXPECT_EQ(log, std::vector{1});
  // The list is whole: a new hook can be linked and unlinked.
  LoggingHook late(cancellation, 3, log);
  late.hook.reset();
}

TEST(Cancellation, AHookRunsWithTheRequestAlreadyVisible) {
  Cancellation cancellation;
  std::vector<int> log;
  LoggingHook hook(cancellation, 1, log);
  bool seen = false;
  hook.then = [&] {
    seen = cancellation.requested();
    cancellation.request();  // asked again from inside: nothing more happens
  };
  cancellation.request();
  EXPECT_TRUE(seen);
  EXPECT_EQ(log, std::vector{1});
}

TEST(CancellationDeathTest, ACancellationMustOutliveItsHooks) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto cancellation = std::make_unique<Cancellation>();
        CancellationHook hook(*cancellation, [](void*) {}, nullptr);
        cancellation.reset();
      },
      "invariant does not hold");
}

}  // namespace
}  // namespace gopher
