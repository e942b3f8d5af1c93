// Every case of every number of http.md, over the simulated network: whole, split at every byte, byte by byte.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/judge.h"

namespace gopher::conformance {
namespace {

// Up to this many bytes, every split is tried; of longer ones the first and last hundred and some between them.
constexpr std::size_t kEverySplit = 700;
constexpr std::size_t kSomeSplits = 40;

std::string sent_by_client(const Case& scenario) {
  std::string all;
  for (const auto& step : scenario.steps)
    if (step.kind == Step::Kind::send) all += step.text;
  return all;
}

std::size_t longest_reply(const Case& scenario) {
  std::size_t longest = 38;  // of the answer that no case names
  for (const auto& reply : scenario.upstream)
    longest = std::max({longest, reply.on_head.size(), reply.send.size()});
  return longest;
}

std::set<std::size_t> split_points(std::size_t size) {
  std::set<std::size_t> points;
  const std::size_t step = size <= kEverySplit ? 1 : size / kSomeSplits;
  for (std::size_t at = 1; at < size; at += step)
    points.insert(at);
  for (std::size_t at = 1; at < std::min<std::size_t>(size, 100); ++at) {
    points.insert(at);
    points.insert(size - at);
  }
  return points;
}

std::vector<Splitting> splittings_of(const Case& scenario) {
  std::vector<Splitting> splittings;
  const std::size_t request = sent_by_client(scenario).size();
  const std::size_t response = longest_reply(scenario);
  const auto add = [&] { return &splittings.emplace_back(); };
  add()->request_piece = request <= 10000 ? 1 : 997;
  if (response <= kEverySplit) add()->response_by_bytes = true;
  // A truncation is a split of the response already, and there are hundreds.
  if (scenario.expanded) return splittings;
  for (const auto at : split_points(request))
    add()->request_at = at;
  if (response > kEverySplit) return splittings;
  for (std::size_t at = 1; at < response; ++at)
    add()->response_at = at;
  return splittings;
}

std::string each_on_a_line(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines)
    all += "\n    " + line;
  return all;
}

class Http : public ::testing::TestWithParam<int> {
 protected:
  template <class Act>
  void for_each_case(Act act) {
    for (const auto& scenario : all_cases()) {
      if (scenario.number != GetParam()) continue;
      SCOPED_TRACE("http.md " + std::to_string(scenario.number) + ": " + scenario.name);
      act(scenario);
    }
  }
};

TEST_P(Http, EachCaseIsAnsweredAsListed) {
  std::size_t count = 0;
  for_each_case([&](const Case& scenario) {
    ++count;
    EXPECT_EQ(each_on_a_line(complaints(scenario, play(scenario, {}))), "");
  });
  EXPECT_GE(count, 3u) << "every number has several cases";
}

TEST_P(Http, EachCaseIsTheSameInEverySplit) {
  for_each_case([&](const Case& scenario) {
    const auto whole = essence(play(scenario, {}));
    for (const auto& splitting : splittings_of(scenario)) {
      const auto observed = play(scenario, splitting);
      const auto wrong = complaints(scenario, observed);
      EXPECT_TRUE(wrong.empty()) << splitting.describe() << each_on_a_line(wrong);
      EXPECT_EQ(essence(observed), whole) << splitting.describe();
      if (HasFailure()) return;  // one splitting tells enough
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Md, Http, ::testing::Range(1, 71),
                         [](const auto& number) { return "Number" + std::to_string(number.param); });

}  // namespace
}  // namespace gopher::conformance
