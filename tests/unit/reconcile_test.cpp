#include "core/membership/reconcile.h"

#include <gtest/gtest.h>

#include "tests/addresses.h"

namespace gopher {
namespace {

using std::chrono::seconds;

RegistryLease lease(std::string member, std::string owner, Duration remaining) {
  return {std::move(member), std::move(owner), remaining};
}

TargetView up(std::string_view authority) { return {endpoint(authority), Verdict::up, false}; }
TargetView down(std::string_view authority) { return {endpoint(authority), Verdict::down, false}; }
TargetView unknown(std::string_view authority) { return {endpoint(authority), Verdict::unknown, false}; }
TargetView no_such_host(std::string_view authority) { return {endpoint(authority), Verdict::unknown, true}; }

RegistryChange reconcile(const RegistryContent& content, std::vector<TargetView> targets) {
  return reconcile_leases(content, targets, "me", {});
}

TEST(CompareMembers, SpellingsOfOneEndpointAreOne) {
  const auto delta = compare_members({}, std::vector<std::string>{"HTTP://A:1/", "http://a:1", "http://b:2"});
  EXPECT_EQ(delta.add, (std::vector{endpoint("a:1"), endpoint("b:2")}));
  EXPECT_TRUE(delta.remove.empty());
  EXPECT_TRUE(delta.rejected.empty());
}

TEST(CompareMembers, AnEmptiedSetRemovesAll) {
  const std::vector current{endpoint("a:1"), endpoint("b:2")};
  EXPECT_EQ(compare_members(current, {}).remove, current);
}

TEST(CompareMembers, ABadMemberIsRejectedInWordsAndTheOthersStay) {
  const std::vector current{endpoint("a:1")};
  const auto delta = compare_members(current, std::vector<std::string>{"ftp://x:1", "http://a:1", "http://b"});
  EXPECT_TRUE(delta.add.empty());
  EXPECT_TRUE(delta.remove.empty());
  ASSERT_EQ(delta.rejected.size(), 2u);
  EXPECT_EQ(delta.rejected[0].text, "ftp://x:1");
  EXPECT_EQ(delta.rejected[1].why, "no port (want host:port)");
}

TEST(ReconcileLeases, ATargetUpIsAddedWithALease) {
  const auto change = reconcile({}, {up("a:1")});
  EXPECT_EQ(change, (RegistryChange{.add = {"http://a:1"}, .renew = {lease("http://a:1", "me", seconds(30))}}));
}

TEST(ReconcileLeases, ALeaseIsRenewedOnceAThirdOfItHasPassed) {
  const auto remaining = [](Duration left) {
    return reconcile({{"http://a:1"}, {lease("http://a:1", "me", left)}}, {up("a:1")});
  };
  EXPECT_TRUE(remaining(seconds(21)).empty());
  EXPECT_EQ(remaining(seconds(20)), (RegistryChange{.renew = {lease("http://a:1", "me", seconds(30))}}));
}

TEST(ReconcileLeases, AMemberThatStandsInAnotherSpellingIsNotAddedAgain) {
  const auto change = reconcile({{"HTTP://A:1/"}, {}}, {up("a:1")});
  EXPECT_EQ(change, (RegistryChange{.renew = {lease("http://a:1", "me", seconds(30))}}));
}

TEST(ReconcileLeases, ATargetDownIsRemovedInEverySpelling) {
  const auto change =
      reconcile({{"HTTP://A:1/", "http://a:1"}, {lease("http://a:1", "me", seconds(20))}}, {down("a:1")});
  EXPECT_EQ(change,
            (RegistryChange{.remove = {"HTTP://A:1/", "http://a:1"}, .release = {lease("http://a:1", "me", {})}}));
}

TEST(ReconcileLeases, ATargetDownStaysWhileAnotherSentinelSeesItUp) {
  const auto change =
      reconcile({{"http://a:1"}, {lease("http://a:1", "me", seconds(20)), lease("http://a:1", "you", seconds(1))}},
                {down("a:1")});
  EXPECT_EQ(change, (RegistryChange{.release = {lease("http://a:1", "me", {})}}));
}

TEST(ReconcileLeases, ATargetDownThatOnlyADeadSentinelVouchedForIsRemoved) {
  const auto change = reconcile({{"http://a:1"}, {lease("http://a:1", "you", -seconds(1))}}, {down("a:1")});
  EXPECT_EQ(change, (RegistryChange{.remove = {"http://a:1"}, .release = {lease("http://a:1", "you", {})}}));
}

TEST(ReconcileLeases, AMemberOfTheOriginalSentinelThatIsDownIsRemovedAsTheOriginalDoes) {
  EXPECT_EQ(reconcile({{"http://a:1"}, {}}, {down("a:1")}), (RegistryChange{.remove = {"http://a:1"}}));
}

TEST(ReconcileLeases, UnknownChangesNothing) {
  EXPECT_TRUE(reconcile({{"http://a:1"}, {}}, {unknown("a:1")}).empty());
  EXPECT_TRUE(reconcile({}, {unknown("a:1")}).empty());
  // After a long outage of all sentinels, the first look must not take away what has not been probed yet.
  EXPECT_TRUE(reconcile({{"http://a:1"}, {lease("http://a:1", "you", -seconds(9))}}, {unknown("a:1")}).empty());
  EXPECT_EQ(reconcile({{"http://a:1"}, {lease("http://a:1", "me", -seconds(9))}}, {unknown("a:1")}),
            (RegistryChange{.renew = {lease("http://a:1", "me", seconds(30))}}));
}

TEST(ReconcileLeases, UnknownLetsGoOfALeaseWhoseMemberIsNotThere) {
  EXPECT_EQ(reconcile({{}, {lease("http://a:1", "me", seconds(9))}}, {unknown("a:1")}),
            (RegistryChange{.release = {lease("http://a:1", "me", {})}}));
}

TEST(ReconcileLeases, ANameThatCeasedToExistRunsOutWithItsLease) {
  const auto remaining = [](Duration left) {
    return reconcile({{"http://a:1"}, {lease("http://a:1", "me", left)}}, {no_such_host("a:1")});
  };
  EXPECT_TRUE(remaining(seconds(1)).empty());
  EXPECT_EQ(remaining(Duration::zero()),
            (RegistryChange{.remove = {"http://a:1"}, .release = {lease("http://a:1", "me", {})}}));
  EXPECT_TRUE(reconcile({{"http://a:1"}, {}}, {no_such_host("a:1")}).empty());
  EXPECT_TRUE(
      reconcile({{"http://a:1"}, {lease("http://a:1", "me", -seconds(1)), lease("http://a:1", "you", seconds(1))}},
                {no_such_host("a:1")})
          .empty());
}

TEST(ReconcileLeases, WhatADeadSentinelLeftIsRemovedByAnyOther) {
  EXPECT_EQ(reconcile({{"http://b:1"}, {lease("http://b:1", "you", Duration::zero())}}, {}),
            (RegistryChange{.remove = {"http://b:1"}, .release = {lease("http://b:1", "you", {})}}));
  EXPECT_TRUE(reconcile({{"http://b:1"}, {lease("http://b:1", "you", seconds(1))}}, {}).empty());
}

TEST(ReconcileLeases, ATargetDroppedFromTheListIsReleasedAndRemoved) {
  EXPECT_EQ(reconcile({{"http://b:1"}, {lease("http://b:1", "me", seconds(20))}}, {}),
            (RegistryChange{.remove = {"http://b:1"}, .release = {lease("http://b:1", "me", {})}}));
  EXPECT_EQ(
      reconcile({{"http://b:1"}, {lease("http://b:1", "me", seconds(20)), lease("http://b:1", "you", seconds(1))}}, {}),
      (RegistryChange{.release = {lease("http://b:1", "me", {})}}));
}

TEST(ReconcileLeases, WhatNobodyLeasedAndIsNoTargetIsNeverTouched) {
  EXPECT_TRUE(reconcile({{"http://by-hand:1", "not a backend", "ftp://x:1"}, {}}, {}).empty());
}

TEST(ReconcileLeases, ALeaseThatCannotBeReadIsCleanedUpOnceItHasEnded) {
  EXPECT_TRUE(reconcile({{"junk"}, {lease("junk", "you", seconds(1))}}, {}).empty());
  EXPECT_EQ(reconcile({{"junk"}, {lease("junk", "you", -seconds(1))}}, {}),
            (RegistryChange{.release = {lease("junk", "you", {})}}));
}

}  // namespace
}  // namespace gopher
