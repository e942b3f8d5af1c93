// What the sentinel writes and what the proxy adopts, against what each should come to: applied, the answer gives the
// desired set; asked again there is nothing to do; the order of what is given does not matter.
#include <algorithm>
#include <set>

#include "core/membership/reconcile.h"
#include "tests/addresses.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

using std::chrono::seconds;

const std::vector<std::string> kHosts{"a:1", "b:1", "c:1", "d:1"};
const std::vector<std::string> kOwners{"me", "you", "she"};

std::string any_spelling() {
  const auto host = *rc::gen::elementOf(kHosts);
  return *rc::gen::element("HTTP://" + host, "http://" + host + "/", "http://" + host, "http://" + host);
}

void sort_leases(std::vector<RegistryLease>& leases) {
  std::sort(leases.begin(), leases.end(), [](const RegistryLease& a, const RegistryLease& b) {
    return a.member != b.member ? a.member < b.member : a.owner < b.owner;
  });
}

RegistryContent any_content() {
  RegistryContent content;
  std::set<std::string> members;
  for (int count = between(0, 6); count > 0; --count)
    members.insert(one_in(8) ? "junk" : any_spelling());
  content.members.assign(members.begin(), members.end());
  std::set<std::pair<std::string, std::string>> drawn;
  for (int count = between(0, 8); count > 0; --count) {
    const auto member = one_in(8) ? "junk" : any_spelling();
    const auto owner = *rc::gen::elementOf(kOwners);
    if (!drawn.emplace(member, owner).second) continue;
    content.leases.push_back({.member = member, .owner = owner, .remaining = seconds(between(-20, 30))});
  }
  sort_leases(content.leases);
  return content;
}

std::vector<TargetView> any_targets() {
  std::vector<TargetView> targets;
  for (const std::string& host : kHosts) {
    if (one_in(5)) continue;
    const auto verdict = *rc::gen::element(Verdict::up, Verdict::down, Verdict::unknown, Verdict::unknown);
    targets.push_back(
        {.endpoint = endpoint(host), .verdict = verdict, .no_such_host = verdict == Verdict::unknown && one_in(2)});
  }
  return targets;
}

LeaseSettings any_lease_settings() { return {.ttl = seconds(between(1, 30))}; }

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

bool is_of(const std::string& text, const Endpoint& wanted) {
  std::string why;
  const auto parsed = Endpoint::parse_member(text, why);
  return parsed && *parsed == wanted;
}

std::set<std::string> spellings(const RegistryContent& content, const Endpoint& of) {
  std::set<std::string> all;
  for (const auto& member : content.members)
    if (is_of(member, of)) all.insert(member);
  return all;
}

template <class Which>
bool leased(const RegistryContent& content, const Endpoint& of, Which which) {
  return std::any_of(content.leases.begin(), content.leases.end(),
                     [&](const RegistryLease& lease) { return is_of(lease.member, of) && which(lease); });
}

bool any(const RegistryLease&) { return true; }
bool mine(const RegistryLease& lease) { return lease.owner == "me"; }
bool running(const RegistryLease& lease) { return lease.remaining > Duration::zero(); }
bool others_running(const RegistryLease& lease) { return !mine(lease) && running(lease); }

TEST(ReconcileLeasesProperty, ApplyingTheChangeYieldsWhatIsWanted) {
  Reached reached{{"added", 20},
                  {"removed, seen down", 24},
                  {"kept, seen down but another vouches", 9},
                  {"removed, the name is gone", 1},
                  {"kept, the name is gone but a lease runs", 3},
                  {"removed, all sentinels are gone", 3},
                  {"put there by hand", 6},
                  {"in two spellings", 15}};
  reached.check([&] {
    const RegistryContent before = any_content();
    const std::vector<TargetView> targets = any_targets();
    const LeaseSettings settings = any_lease_settings();
    const RegistryContent after = applied(before, reconcile_leases(before, targets, "me", settings));
    for (const std::string& host : kHosts) {
      const Endpoint of = endpoint(host);
      const auto target =
          std::find_if(targets.begin(), targets.end(), [&](const TargetView& view) { return view.endpoint == of; });
      const auto spelled = spellings(before, of);
      const bool was_there = !spelled.empty();
      const bool vouched_for = leased(before, of, any);
      const bool another_vouches = leased(before, of, others_running);
      reached("in two spellings", spelled.size() > 1);
      bool wanted = was_there;
      bool may_hold = false;
      if (target == targets.end()) {
        wanted = was_there && (!vouched_for || another_vouches);
        reached("removed, all sentinels are gone", was_there && !wanted);
        reached("put there by hand", was_there && !vouched_for);
      } else if (target->verdict == Verdict::up) {
        wanted = true;
        may_hold = true;
        reached("added", !was_there);
        // Renewed once a third of it has passed.
        RC_ASSERT(
            leased(after, of, [&](auto& lease) { return mine(lease) && lease.remaining > settings.ttl / 3 * 2; }));
      } else if (target->verdict == Verdict::down) {
        wanted = was_there && another_vouches;
        reached(wanted ? "kept, seen down but another vouches" : "removed, seen down", was_there);
      } else if (target->no_such_host) {
        may_hold = leased(before, of, [](auto& lease) { return mine(lease) && running(lease); }) || another_vouches;
        wanted = was_there && (!vouched_for || leased(before, of, running));
        reached("removed, the name is gone", was_there && !wanted);
        reached("kept, the name is gone but a lease runs", wanted && vouched_for);
      } else {
        may_hold = was_there && leased(before, of, mine);
        RC_ASSERT(leased(after, of, mine) == may_hold);
      }
      // No spelling of a member that stays is touched.
      const auto expected = !wanted ? std::set<std::string>{} : was_there ? spelled : std::set{of.member()};
      RC_ASSERT(spellings(after, of) == expected);
      if (!may_hold) RC_ASSERT(!leased(after, of, mine));
      // Nobody else's word that still holds is taken back.
      RC_ASSERT(leased(after, of, others_running) == another_vouches);
      // A member that some sentinel vouched for never comes to look as if put there by hand.
      if (vouched_for && wanted) RC_ASSERT(leased(after, of, any));
    }
    RC_ASSERT(std::count(after.members.begin(), after.members.end(), "junk") ==
              std::count(before.members.begin(), before.members.end(), "junk"));
  });
}

TEST(ReconcileLeasesProperty, ASecondTimeThereIsNothingToDo) {
  Reached reached{{"something to do", 80}};
  reached.check([&] {
    const RegistryContent before = any_content();
    const std::vector<TargetView> targets = any_targets();
    const LeaseSettings settings = any_lease_settings();
    const RegistryChange change = reconcile_leases(before, targets, "me", settings);
    reached("something to do", !change.empty());
    RC_ASSERT(reconcile_leases(applied(before, change), targets, "me", settings).empty());
  });
}

TEST(ReconcileLeasesProperty, TheOrderOfWhatIsGivenDoesNotMatter) {
  Reached reached{{"another order", 80}};
  reached.check([&] {
    const RegistryContent content = any_content();
    const std::vector<TargetView> targets = any_targets();
    const RegistryContent other{.members = shuffled(content.members), .leases = shuffled(content.leases)};
    reached("another order", other.members != content.members || other.leases != content.leases);
    RC_ASSERT(reconcile_leases(other, shuffled(targets), "me", {}) == reconcile_leases(content, targets, "me", {}));
  });
}

TEST(ReconcileLeasesProperty, SentinelsThatTakeTurnsComeToRest) {
  Reached reached{{"they disagree", 80}};
  reached.check([&] {
    RegistryContent content = any_content();
    const std::vector<std::vector<TargetView>> views{any_targets(), any_targets(), any_targets()};
    for (const auto& view : views[0]) {
      reached("they disagree", std::any_of(views[1].begin(), views[1].end(), [&](const TargetView& other) {
                return other.endpoint == view.endpoint && other.verdict != view.verdict;
              }));
    }
    int turns_without_change = 0;
    for (int turn = 0; turns_without_change < 3; ++turn) {
      RC_ASSERT(turn < 30);
      const auto who = static_cast<std::size_t>(turn % 3);
      const RegistryChange change = reconcile_leases(content, views[who], kOwners[who], {});
      turns_without_change = change.empty() ? turns_without_change + 1 : 0;
      content = applied(std::move(content), change);
    }
  });
}

TEST(CompareMembersProperty, ApplyingTheDifferenceYieldsTheSet) {
  Reached reached{{"added", 20}, {"removed", 30}, {"rejected", 20}};
  reached.check([&] {
    std::vector<Endpoint> current;
    for (const std::string& host : kHosts)
      if (one_in(2)) current.push_back(endpoint(host));
    auto members = any_content().members;
    if (one_in(3)) members.insert(members.end(), {"a:1", "a:1"});  // without a scheme
    const MembershipDelta delta = compare_members(current, members);
    reached("added", !delta.add.empty());
    reached("removed", !delta.remove.empty());
    reached("rejected", !delta.rejected.empty());
    std::set<Endpoint> after(current.begin(), current.end());
    for (const Endpoint& gone : delta.remove)
      RC_ASSERT(after.erase(gone) == 1u);
    for (const Endpoint& added : delta.add)
      RC_ASSERT(after.insert(added).second);
    std::set<Endpoint> wanted;
    std::set<std::string> unreadable;
    std::string why;
    for (const std::string& text : members) {
      if (const auto parsed = Endpoint::parse_member(text, why)) {
        wanted.insert(*parsed);
      } else {
        unreadable.insert(text);
      }
    }
    RC_ASSERT(after == wanted);
    std::vector<std::string> rejected;
    for (const auto& member : delta.rejected)
      rejected.push_back(member.text);
    RC_ASSERT(rejected == std::vector(unreadable.begin(), unreadable.end()));
    const auto other = compare_members(current, shuffled(members));
    RC_ASSERT(other.add == delta.add);
    RC_ASSERT(other.remove == delta.remove);
    RC_ASSERT(other.rejected == delta.rejected);
  });
}

}  // namespace
}  // namespace gopher
