// Two pure comparisons of what is in the registry with what should be: the proxy's (which backends to have) and the
// sentinel's (what to write).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/observer.h"
#include "core/ports/registry.h"

namespace gopher {

// ---- proxy side ---------------------------------------------------------------------------------------------------

struct RejectedMember {
  std::string text;  // as it stands in the set
  std::string why;   // in words
  friend bool operator==(const RejectedMember&, const RejectedMember&) = default;
};

struct MembershipDelta {
  std::vector<Endpoint> add;             // sorted, without repeats
  std::vector<Endpoint> remove;          // sorted, without repeats; to be drained
  std::vector<RejectedMember> rejected;  // sorted by text, without repeats
};

// What leads from `current` (sorted, without repeats) to the set's content. Spellings of one endpoint are one.
MembershipDelta compare_members(std::span<const Endpoint> current, std::span<const std::string> members);

// ---- sentinel side ------------------------------------------------------------------------------------------------

// What this sentinel knows of one of its targets.
struct TargetView {
  Endpoint endpoint;
  Verdict verdict = Verdict::unknown;
  // Unknown because the name service says that the name does not exist, which is more than having no answer.
  bool no_such_host = false;
};

struct LeaseSettings {
  // How long a sentinel's word holds when it is not renewed. Renewed once a third of it has passed.
  Duration ttl = std::chrono::seconds(30);
};

// What the sentinel `owner` must write so that the registry says what it should. Applying the answer and asking again
// gives nothing to do; the order of `targets` does not matter.
//
//  A target seen up       its lease is renewed, the member is added when no spelling of it is there.
//  A target seen down     our lease is released. The member is removed, in every spelling, unless another owner's lease
//                         still runs: a member is live when any sentinel sees it up, so sentinels do not fight.
//  A target unknown       nothing changes; our lease, if we hold one, goes on. If the name has ceased to exist, the
//                         lease is left to run out: a host that is gone for good does not stay for ever.
//  Not a target           our lease is released (an earlier list of ours had it). When leases stand but none runs any
//                         more, the sentinels that vouched are gone: the member and the leases are removed.
//  No lease, not a target never touched: put there by hand or by a sentinel that knows no leases.
//
// A lease that has ended is released only together with the member, or while another one runs: without it the member
// would look like one put there by hand.
RegistryChange reconcile_leases(const RegistryContent& content, std::span<const TargetView> targets,
                                std::string_view owner, const LeaseSettings& settings);

}  // namespace gopher
