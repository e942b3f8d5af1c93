// Random scenarios, writing them down, and shrinking what fails.
#include <set>

#include <gtest/gtest.h>

#include "sim/generate.h"
#include "sim/run.h"
#include "sim/shrink.h"
#include "sim/yaml_writer.h"

namespace gopher::sim {
namespace {

TEST(GenerateScenario, EverySeedGivesAFileThatCanBeRead) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::string text = write_yaml(generate_scenario(seed));
    const auto scenario = read_scenario(text, "generated");
    ASSERT_TRUE(scenario) << "seed " << seed << ": " << scenario.error().front().what << '\n' << text;
    EXPECT_EQ(scenario->seed, seed);
  }
}

TEST(GenerateScenario, ASeedGivesOneScenarioAndAnotherSeedAnother) {
  EXPECT_EQ(write_yaml(generate_scenario(7)), write_yaml(generate_scenario(7)));
  EXPECT_NE(write_yaml(generate_scenario(7)), write_yaml(generate_scenario(8)));
}

TEST(GenerateScenario, EachLeavesSomeKindsOfFaultOut) {
  std::set<std::string> kinds;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::set<std::string> here;
    const auto scenario = read_scenario(write_yaml(generate_scenario(seed)), "generated");
    ASSERT_TRUE(scenario);
    for (const auto& step : scenario->timeline)
      here.emplace(step.kind->name);
    EXPECT_LE(here.size(), 12u);
    kinds.merge(here);
  }
  EXPECT_EQ(kinds.size(), fault_kinds().size() - 3) << "all but start, resume and heal, which are ends of others";
}

TEST(WriteYaml, WhatIsWrittenIsReadAgain) {
  const std::string text =
      "story: \"it's a \\\"story\\\": # no comment\"\nempty: ~\nlist: [a, \"b c\", \"\"]\n"
      "world:\n  link: {latency: 1ms}\n  backends:\n    - {name: b1, from: \"2001:db8::1\"}\n";
  const auto tree = parse_yaml(text);
  ASSERT_TRUE(tree);
  EXPECT_EQ(write_yaml(*tree), text);
}

TEST(WriteYaml, WordsThatAreNoneToYamlStayWords) {
  const std::string text = "story: \"null\"\nlink: {}\n\"Null\": \"a\\x09b\\x0d\\x01\\x7f\"\n";
  const auto tree = parse_yaml(text);
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->entries.size(), 3u);
  EXPECT_EQ(tree->entries[0].value.scalar, "null");
  EXPECT_EQ(tree->entries[1].value.kind, YamlNode::Kind::map);
  EXPECT_EQ(tree->entries[2].value.scalar, "a\tb\r\x01\x7f");
  EXPECT_EQ(write_yaml(*tree), text);
}

// Forty faults of which one never ends; the others do not matter.
std::string planted() {
  std::string text = R"(story: planted
duration: 60s
settle: 20s
world:
  backends:
    - {name: b, count: 3}
  sentinels:
    - {name: s1}
  proxies:
    - {name: p1, limiter_rate: 0/s}
  clients:
    - {name: c1, rate: 5/s}
timeline:
)";
  for (int i = 0; i < 39; ++i)
    text += "  - {at: " + std::to_string(5 + i) + "s, crash: b" + std::to_string(1 + i % 2) + ", for: 500ms}\n";
  return text + "  - {at: 25s, partition: [p1, b3]}\n";
}

TEST(Shrink, APlantedFailureComesDownToItsCause) {
  const auto fails = [](const YamlNode& candidate) {
    const auto scenario = read_scenario(write_yaml(candidate), "candidate");
    if (!scenario) return false;
    const auto report = run_scenario(*scenario, {});
    return !report.failures.empty() && report.failures.front().signature == "liveness:  does not balance over ";
  };
  const auto tree = *parse_yaml(planted());
  ASSERT_TRUE(fails(tree));
  const auto shrunk = shrink_scenario(tree, fails);
  const auto* timeline = shrunk.scenario.find("timeline");
  ASSERT_EQ(timeline->items.size(), 1u) << write_yaml(shrunk.scenario);
  EXPECT_TRUE(timeline->items[0].find("partition"));
  EXPECT_TRUE(fails(shrunk.scenario));
  EXPECT_LT(shrunk.tries, 200u);
}

TEST(Shrink, StopsAtItsBound) {
  std::uint64_t asked = 0;
  const auto always = [&asked](const YamlNode&) { return ++asked, false; };
  const auto shrunk = shrink_scenario(*parse_yaml(planted()), always, 10);
  EXPECT_EQ(shrunk.tries, 10u);
  EXPECT_EQ(asked, 10u);
}

}  // namespace
}  // namespace gopher::sim
