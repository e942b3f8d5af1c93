#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/membership/reconcile.h"

namespace gopher {
namespace {

using std::chrono::seconds;

const std::vector<std::string> kHosts{"a:1", "b:1", "c:1", "d:1"};
const std::vector<std::string> kOwners{"me", "you", "she"};

Endpoint endpoint(const std::string& authority) {
  std::string why;
  return *Endpoint::parse_authority(authority, why);
}

rc::Gen<std::string> any_spelling() {
  return rc::gen::map(rc::gen::pair(rc::gen::elementOf(kHosts), rc::gen::inRange(0, 4)), [](const auto& drawn) {
    const std::string& host = drawn.first;
    switch (drawn.second) {
      case 0: return "HTTP://" + host;
      case 1: return "http://" + host + "/";
      default: return "http://" + host;
    }
  });
}

void sort_leases(std::vector<RegistryLease>& leases) {
  std::sort(leases.begin(), leases.end(), [](const RegistryLease& a, const RegistryLease& b) {
    return a.member != b.member ? a.member < b.member : a.owner < b.owner;
  });
}

RegistryContent any_content() {
  RegistryContent content;
  content.members = *rc::gen::container<std::vector<std::string>>(
      rc::gen::weightedOneOf<std::string>({{8, any_spelling()}, {1, rc::gen::just<std::string>("junk")}}));
  std::sort(content.members.begin(), content.members.end());
  content.members.erase(std::unique(content.members.begin(), content.members.end()), content.members.end());
  const int leases = *rc::gen::inRange(0, 8);
  std::set<std::pair<std::string, std::string>> drawn;
  for (int i = 0; i < leases; ++i) {
    const std::string member = *any_spelling();
    const std::string owner = *rc::gen::elementOf(kOwners);
    if (!drawn.emplace(member, owner).second) continue;
    content.leases.push_back({.member = member, .owner = owner, .remaining = seconds(*rc::gen::inRange(-40, 31))});
  }
  sort_leases(content.leases);
  return content;
}

std::vector<TargetView> any_targets() {
  std::vector<TargetView> targets;
  for (const std::string& host : kHosts) {
    const int kind = *rc::gen::inRange(0, 5);
    if (kind == 0) continue;
    const Verdict verdict = kind == 1 ? Verdict::up : kind == 2 ? Verdict::down : Verdict::unknown;
    targets.push_back({.endpoint = endpoint(host), .verdict = verdict, .no_such_host = kind == 4});
  }
  return targets;
}

RegistryContent applied(RegistryContent content, const RegistryChange& change) {
  std::set<std::string> members(content.members.begin(), content.members.end());
  members.insert(change.add.begin(), change.add.end());
  for (const auto& member : change.remove)
    members.erase(member);
  content.members.assign(members.begin(), members.end());
  const auto erase = [&](const RegistryLease& gone) {
    std::erase_if(content.leases,
                  [&](const RegistryLease& lease) { return lease.member == gone.member && lease.owner == gone.owner; });
  };
  for (const auto& lease : change.renew) {
    erase(lease);
    content.leases.push_back(lease);
  }
  for (const auto& lease : change.release)
    erase(lease);
  sort_leases(content.leases);
  return content;
}

bool has_member(const RegistryContent& content, const Endpoint& wanted) {
  return std::any_of(content.members.begin(), content.members.end(), [&](const std::string& text) {
    std::string why;
    const auto parsed = Endpoint::parse_member(text, why);
    return parsed && *parsed == wanted;
  });
}

bool leased(const RegistryContent& content, const Endpoint& of, bool running_only, std::string_view not_by = {}) {
  return std::any_of(content.leases.begin(), content.leases.end(), [&](const RegistryLease& lease) {
    std::string why;
    const auto parsed = Endpoint::parse_member(lease.member, why);
    return parsed && *parsed == of && lease.owner != not_by && (!running_only || lease.remaining > Duration::zero());
  });
}

RC_GTEST_PROP(ReconcileLeasesProperty, ApplyingTheChangeYieldsWhatIsWanted, ()) {
  const RegistryContent before = any_content();
  const std::vector<TargetView> targets = any_targets();
  const RegistryContent after = applied(before, reconcile_leases(before, targets, "me", {}));
  for (const std::string& host : kHosts) {
    const Endpoint of = endpoint(host);
    const auto target =
        std::find_if(targets.begin(), targets.end(), [&](const TargetView& view) { return view.endpoint == of; });
    const bool was_there = has_member(before, of);
    bool wanted = was_there;
    if (target == targets.end()) {
      if (leased(before, of, false)) wanted = was_there && leased(before, of, true, "me");
    } else if (target->verdict == Verdict::up) {
      wanted = true;
      RC_ASSERT(leased(after, of, true));
    } else if (target->verdict == Verdict::down) {
      wanted = was_there && leased(before, of, true, "me");
    } else if (target->no_such_host && leased(before, of, false)) {
      wanted = was_there && leased(before, of, true);
    }
    RC_ASSERT(has_member(after, of) == wanted);
    // Nobody else's word that still holds is taken back.
    RC_ASSERT(leased(after, of, true, "me") == leased(before, of, true, "me"));
    // A member that some sentinel vouched for never comes to look as if put there by hand.
    if (leased(before, of, false) && has_member(after, of)) RC_ASSERT(leased(after, of, false));
  }
  const bool had_junk = std::count(before.members.begin(), before.members.end(), "junk") > 0;
  RC_ASSERT((std::count(after.members.begin(), after.members.end(), "junk") > 0) == had_junk);
}

RC_GTEST_PROP(ReconcileLeasesProperty, ASecondTimeThereIsNothingToDo, ()) {
  const RegistryContent before = any_content();
  const std::vector<TargetView> targets = any_targets();
  const RegistryContent after = applied(before, reconcile_leases(before, targets, "me", {}));
  RC_ASSERT(reconcile_leases(after, targets, "me", {}).empty());
}

RC_GTEST_PROP(ReconcileLeasesProperty, TheOrderOfWhatIsGivenDoesNotMatter, ()) {
  RegistryContent content = any_content();
  std::vector<TargetView> targets = any_targets();
  const RegistryChange change = reconcile_leases(content, targets, "me", {});
  std::reverse(content.members.begin(), content.members.end());
  std::reverse(content.leases.begin(), content.leases.end());
  std::reverse(targets.begin(), targets.end());
  RC_ASSERT(reconcile_leases(content, targets, "me", {}) == change);
}

RC_GTEST_PROP(ReconcileLeasesProperty, SentinelsThatTakeTurnsComeToRest, ()) {
  RegistryContent content = any_content();
  const std::vector<std::vector<TargetView>> views{any_targets(), any_targets(), any_targets()};
  int turns_without_change = 0;
  for (int turn = 0; turns_without_change < 3; ++turn) {
    RC_ASSERT(turn < 30);
    const auto who = static_cast<std::size_t>(turn % 3);
    const RegistryChange change = reconcile_leases(content, views[who], kOwners[who], {});
    turns_without_change = change.empty() ? turns_without_change + 1 : 0;
    content = applied(std::move(content), change);
  }
}

RC_GTEST_PROP(CompareMembersProperty, ApplyingTheDifferenceYieldsTheSet, ()) {
  std::vector<Endpoint> current;
  for (const std::string& host : kHosts)
    if (*rc::gen::arbitrary<bool>()) current.push_back(endpoint(host));
  std::vector<std::string> members = any_content().members;
  const MembershipDelta delta = compare_members(current, members);
  std::set<Endpoint> after(current.begin(), current.end());
  for (const Endpoint& gone : delta.remove)
    RC_ASSERT(after.erase(gone) == 1u);
  for (const Endpoint& added : delta.add)
    RC_ASSERT(after.insert(added).second);
  std::set<Endpoint> wanted;
  std::string why;
  for (const std::string& text : members)
    if (const auto parsed = Endpoint::parse_member(text, why)) wanted.insert(*parsed);
  RC_ASSERT(after == wanted);
  std::reverse(members.begin(), members.end());
  RC_ASSERT(compare_members(current, members).add == delta.add);
  RC_ASSERT(compare_members(current, members).rejected == delta.rejected);
}

}  // namespace
}  // namespace gopher
