#include "core/admin/status_record.h"

#include <optional>

#include <gtest/gtest.h>

#include "tests/addresses.h"
#include "tests/stepped_clock.h"

namespace gopher {
namespace {

using namespace std::chrono_literals;

VerdictChanged went_down(std::string_view backend) { return {backend, Verdict::up, Verdict::down, ErrorKind::refused}; }
VerdictChanged went_up(std::string_view backend) { return {backend, Verdict::unknown, Verdict::up}; }

struct StatusRecordTest : testing::Test {
  const BackendRecord& backend(std::string_view name) const { return record.backends().find(name)->second; }
  std::string last_notice() const {
    const Notice& last = record.notices().all().back();
    return std::string(last.what) + " " + last.subject + " " + last.why;
  }

  test::SteppedClock clock;
  StatusRecord record{clock, {}};
};

TEST_F(StatusRecordTest, AMemberIsWaitingSinceItJoinedThenHasItsVerdictSinceThat) {
  record.on(MemberAdded{"a:1"});
  EXPECT_EQ(backend("a:1").verdict, Verdict::unknown);
  EXPECT_EQ(backend("a:1").since, clock.at);
  clock.at += 3s;
  record.on(went_up("a:1"));
  clock.at += 5s;
  record.on(went_down("a:1"));
  EXPECT_EQ(backend("a:1").verdict, Verdict::down);
  EXPECT_EQ(backend("a:1").reason, ErrorKind::refused);
  EXPECT_TRUE(backend("a:1").reason_known);
  EXPECT_EQ(backend("a:1").since, clock.at);
  EXPECT_EQ(last_notice(), "backend is down a:1 refused");
}

TEST_F(StatusRecordTest, AnotherReasonForTheSameVerdictKeepsItsBegin) {
  record.on(MemberAdded{"a:1"});
  const Instant joined = clock.at;
  clock.at += 4s;
  record.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::unknown, ErrorKind::no_such_host});
  EXPECT_EQ(backend("a:1").since, joined);
  EXPECT_EQ(backend("a:1").reason, ErrorKind::no_such_host);
}

TEST_F(StatusRecordTest, AMemberThatLeftIsForgottenAndProbesOfOthersAreNotKept) {
  record.on(MemberAdded{"a:1"});
  record.on(MemberRemoved{"a:1"});
  record.on(ProbeFinished{"a:1", true});
  record.on(went_down("a:1"));
  EXPECT_TRUE(record.backends().empty());
  EXPECT_EQ(last_notice(), "backend left the set a:1 ");
}

TEST_F(StatusRecordTest, TheLastProbesAreKept) {
  record.on(MemberAdded{"a:1"});
  for (std::size_t i = 0; i < StatusRecord::kMaxProbes + 3; ++i) {
    clock.at += 2s;
    record.on(ProbeFinished{"a:1", i % 2 == 0, ErrorKind::timed_out, 0, Duration(i)});
  }
  const auto& probes = backend("a:1").probes;
  ASSERT_EQ(probes.size(), StatusRecord::kMaxProbes);
  EXPECT_EQ(probes.back().at, clock.at);
  EXPECT_TRUE(probes.back().succeeded);
  EXPECT_EQ(probes.back().duration, Duration(StatusRecord::kMaxProbes + 2));
  EXPECT_EQ(probes.front().duration, Duration(3));
}

TEST_F(StatusRecordTest, AFixedTargetStaysThoughItLeavesTheSet) {
  StatusRecord fixed(clock, {endpoint("a:1"), endpoint("b:1")});
  EXPECT_EQ(fixed.backends().size(), 2u);
  fixed.on(MemberAdded{"a:1"});
  fixed.on(MemberAdded{"c:1"});
  EXPECT_TRUE(fixed.backends().at("a:1").member);
  fixed.on(went_down("a:1"));
  fixed.on(MemberRemoved{"a:1"});
  EXPECT_EQ(fixed.backends().size(), 2u);
  EXPECT_FALSE(fixed.backends().at("a:1").member);
  EXPECT_EQ(fixed.backends().at("a:1").verdict, Verdict::down);
}

TEST_F(StatusRecordTest, TheRegistrysLossHasABeginAReasonAndANextTry) {
  record.on(RegistrySucceeded{false});
  clock.at += 5s;
  const Instant lost = clock.at;
  record.on(RegistryFailed{{ErrorKind::refused, ErrorSource::registry}, "", 1, 500ms});
  clock.at += 1s;
  record.on(RegistryFailed{{ErrorKind::rejected, ErrorSource::registry}, "LOADING", 2, 1s});
  const RegistryRecord& registry = record.registry();
  EXPECT_FALSE(registry.reachable);
  EXPECT_EQ(registry.failing_since, lost);
  EXPECT_EQ(registry.last_success, lost - 5s);
  EXPECT_EQ(registry.reason, ErrorKind::rejected);
  EXPECT_EQ(registry.detail, "LOADING");
  EXPECT_EQ(registry.consecutive_failures, 2u);
  EXPECT_EQ(registry.retry_at, clock.at + 1s);
  EXPECT_EQ(last_notice(), "registry lost  refused");
  clock.at += 2s;
  record.on(RegistrySucceeded{true});
  EXPECT_TRUE(registry.reachable);
  EXPECT_EQ(registry.failing_since, std::nullopt);
  EXPECT_EQ(registry.failures, 2u);
  EXPECT_EQ(last_notice(), "registry is back  after 3 s");
}

TEST_F(StatusRecordTest, ARejectedMemberIsListedUntilItIsGone) {
  record.on(MemberRejected{"junk", "no port"});
  record.on(MemberRejected{"ftp://x:1", "no http"});
  record.on(RejectedMemberGone{"junk"});
  ASSERT_EQ(record.rejected().size(), 1u);
  EXPECT_EQ(record.rejected()[0].text, "ftp://x:1");
  EXPECT_EQ(record.rejected()[0].why, "no http");
}

TEST_F(StatusRecordTest, LosingTheLastLiveBackendAndHavingOneAgainIsTold) {
  record.on(PoolChanged{2, 0});
  EXPECT_TRUE(record.notices().all().empty()) << "none yet is no loss";
  record.on(PoolChanged{2, 1});
  record.on(PoolChanged{2, 0});
  EXPECT_EQ(last_notice(), "no live backend is left  ");
  record.on(PoolChanged{2, 2});
  EXPECT_EQ(last_notice(), "requests have a live backend  ");
}

TEST_F(StatusRecordTest, EverythingIsBounded) {
  for (std::size_t i = 0; i < StatusRecord::kMaxBackends + 10; ++i)
    record.on(MemberAdded{"h:" + std::to_string(i)});
  for (std::size_t i = 0; i < StatusRecord::kMaxRejected + 10; ++i)
    record.on(MemberRejected{std::to_string(i) + std::string(5000, 'x'), std::string(5000, 'y')});
  EXPECT_EQ(record.backends().size(), StatusRecord::kMaxBackends);
  EXPECT_EQ(record.rejected().size(), StatusRecord::kMaxRejected);
  EXPECT_LE(record.rejected().back().text.size(), Notices::kMaxTextBytes);
  ASSERT_EQ(record.notices().all().size(), Notices::kMost);
  EXPECT_LE(record.notices().all().back().subject.size(), Notices::kMaxTextBytes);
  EXPECT_LE(record.notices().all().back().why.size(), Notices::kMaxTextBytes);
}

TEST(Notices, TheSameNewsWithinAWhileIsOneNoticeWithACount) {
  Notices notices;
  const Instant begin{1h};
  notices.add({.at = begin, .what = "down", .subject = "a:1"});
  notices.add({.at = begin + 1s, .what = "down", .subject = "b:1"});
  notices.add({.at = begin + 2s, .what = "down", .subject = "a:1"});
  ASSERT_EQ(notices.all().size(), 2u);
  EXPECT_EQ(notices.all().back().subject, "a:1");
  EXPECT_EQ(notices.all().back().count, 2u);
  EXPECT_EQ(notices.all().back().at, begin + 2s);
  notices.add({.at = begin + 3s + Notices::kSameNews, .what = "down", .subject = "a:1"});
  EXPECT_EQ(notices.all().size(), 3u);
}

}  // namespace
}  // namespace gopher
