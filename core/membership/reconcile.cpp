#include "core/membership/reconcile.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace gopher {

namespace {

// All that the registry holds on one endpoint, under whatever spellings.
struct Holding {
  std::vector<const std::string*> spellings;
  std::vector<const RegistryLease*> mine;
  std::vector<const RegistryLease*> others_running;
  std::vector<const RegistryLease*> others_ended;
  const TargetView* target = nullptr;
};

class LeaseReconciler {
 public:
  LeaseReconciler(std::string_view owner, const LeaseSettings& settings) : owner_(owner), settings_(settings) {}

  void reconcile(const std::string& member, const Holding& holding) {
    const TargetView* target = holding.target;
    if (!target) return not_a_target(holding);
    switch (target->verdict) {
      case Verdict::up: return up(member, holding);
      case Verdict::down: return down(holding);
      case Verdict::unknown: return target->no_such_host ? gone(holding) : unknown(member, holding);
    }
  }

  void release(const RegistryLease& lease) {
    change_.release.push_back({.member = lease.member, .owner = lease.owner, .remaining = Duration::zero()});
  }

  RegistryChange take() {
    const auto order = [](const RegistryLease& a, const RegistryLease& b) {
      return a.member != b.member ? a.member < b.member : a.owner < b.owner;
    };
    std::sort(change_.add.begin(), change_.add.end());
    std::sort(change_.remove.begin(), change_.remove.end());
    std::sort(change_.renew.begin(), change_.renew.end(), order);
    std::sort(change_.release.begin(), change_.release.end(), order);
    return std::move(change_);
  }

 private:
  void up(const std::string& member, const Holding& holding) {
    if (holding.spellings.empty()) change_.add.push_back(member);
    hold(member, holding);
    release_all(holding.others_ended);
  }

  void down(const Holding& holding) {
    release_all(holding.mine);
    release_all(holding.others_ended);
    if (holding.others_running.empty()) remove(holding);
  }

  void unknown(const std::string& member, const Holding& holding) {
    if (holding.mine.empty()) return;
    if (holding.spellings.empty()) return release_all(holding.mine);
    hold(member, holding);
  }

  void gone(const Holding& holding) {
    const bool mine_runs = std::any_of(holding.mine.begin(), holding.mine.end(), runs);
    if (mine_runs || !holding.others_running.empty()) return;
    if (holding.mine.empty() && holding.others_ended.empty()) return;
    not_a_target(holding);
  }

  void not_a_target(const Holding& holding) {
    if (holding.mine.empty() && holding.others_running.empty() && holding.others_ended.empty()) return;
    release_all(holding.mine);
    release_all(holding.others_ended);
    if (holding.others_running.empty()) remove(holding);
  }

  // Keeps exactly one lease of ours, on the normal spelling.
  void hold(const std::string& member, const Holding& holding) {
    const RegistryLease* kept = nullptr;
    for (const RegistryLease* lease : holding.mine) {
      if (lease->member == member) {
        kept = lease;
      } else {
        release(*lease);
      }
    }
    if (kept && kept->remaining > settings_.ttl / 3 * 2) return;
    change_.renew.push_back({.member = member, .owner = std::string(owner_), .remaining = settings_.ttl});
  }

  void remove(const Holding& holding) {
    for (const std::string* spelling : holding.spellings)
      change_.remove.push_back(*spelling);
  }

  void release_all(const std::vector<const RegistryLease*>& leases) {
    for (const RegistryLease* lease : leases)
      release(*lease);
  }

  static bool runs(const RegistryLease* lease) { return lease->remaining > Duration::zero(); }

  std::string_view owner_;
  const LeaseSettings& settings_;
  RegistryChange change_;
};

}  // namespace

MembershipDelta compare_members(std::span<const Endpoint> current, std::span<const std::string> members) {
  MembershipDelta delta;
  std::vector<Endpoint> wanted;
  wanted.reserve(members.size());
  std::string why;
  for (const std::string& text : members) {
    if (auto endpoint = Endpoint::parse_member(text, why)) {
      wanted.push_back(std::move(*endpoint));
    } else {
      delta.rejected.push_back({text, why});
    }
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const auto by_text = [](const RejectedMember& a, const RejectedMember& b) { return a.text < b.text; };
  std::sort(delta.rejected.begin(), delta.rejected.end(), by_text);
  delta.rejected.erase(std::unique(delta.rejected.begin(), delta.rejected.end()), delta.rejected.end());

  std::set_difference(wanted.begin(), wanted.end(), current.begin(), current.end(), std::back_inserter(delta.add));
  std::set_difference(current.begin(), current.end(), wanted.begin(), wanted.end(), std::back_inserter(delta.remove));
  return delta;
}

RegistryChange reconcile_leases(const RegistryContent& content, std::span<const TargetView> targets,
                                std::string_view owner, const LeaseSettings& settings) {
  LeaseReconciler reconciler(owner, settings);
  std::map<std::string, Holding> holdings;  // by the normal spelling
  std::string why;
  for (const std::string& text : content.members) {
    // What cannot be read is nobody's target: the proxy reports it and an operator removes it.
    if (const auto endpoint = Endpoint::parse_member(text, why)) {
      holdings[endpoint->member()].spellings.push_back(&text);
    }
  }
  for (const RegistryLease& lease : content.leases) {
    const bool mine = lease.owner == owner;
    const bool runs = lease.remaining > Duration::zero();
    const auto endpoint = Endpoint::parse_member(lease.member, why);
    if (!endpoint) {
      if (mine || !runs) reconciler.release(lease);
      continue;
    }
    Holding& holding = holdings[endpoint->member()];
    (mine ? holding.mine : runs ? holding.others_running : holding.others_ended).push_back(&lease);
  }
  for (const TargetView& target : targets)
    holdings[target.endpoint.member()].target = &target;

  for (const auto& [member, holding] : holdings)
    reconciler.reconcile(member, holding);
  return reconciler.take();
}

}  // namespace gopher
