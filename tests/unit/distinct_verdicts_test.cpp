#include "core/membership/distinct_verdicts.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gopher {
namespace {

struct Recorder final : Observer {
  void on(const Event& event) noexcept override {
    if (const auto* e = std::get_if<VerdictChanged>(&event))
      told.push_back(std::string(e->backend) + ' ' + std::string(to_string(e->from)) + ' ' +
                     std::string(to_string(e->to)));
    else
      ++others;
  }
  std::vector<std::string> told;
  int others = 0;
};

TEST(DistinctVerdicts, WhatTwoProbersSeeOfOneBackendIsToldOnce) {
  Recorder recorder;
  DistinctVerdicts verdicts(recorder);
  verdicts.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});  // the sentinel's
  verdicts.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});  // the discovery's
  verdicts.on(VerdictChanged{"b:1", Verdict::unknown, Verdict::up});
  verdicts.on(VerdictChanged{"a:1", Verdict::up, Verdict::down});
  verdicts.on(VerdictChanged{"a:1", Verdict::up, Verdict::down});
  verdicts.on(MemberRemoved{"a:1"});
  verdicts.on(VerdictChanged{"a:1", Verdict::down, Verdict::up});
  verdicts.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});
  EXPECT_EQ(recorder.told,
            (std::vector<std::string>{"a:1 unknown up", "b:1 unknown up", "a:1 up down", "a:1 down up"}));
  EXPECT_EQ(recorder.others, 1);
}

TEST(DistinctVerdicts, AMemberRemovedWhileUpIsToldUpAgain) {
  Recorder recorder;
  DistinctVerdicts verdicts(recorder);
  verdicts.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});
  verdicts.on(MemberRemoved{"a:1"});
  verdicts.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});
  EXPECT_EQ(recorder.told, (std::vector<std::string>{"a:1 unknown up", "a:1 unknown up"}));
}

}  // namespace
}  // namespace gopher
