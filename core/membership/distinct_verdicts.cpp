#include "core/membership/distinct_verdicts.h"

namespace gopher {

void DistinctVerdicts::on(const Event& event) noexcept {
  if (const auto* change = std::get_if<VerdictChanged>(&event)) return forward(*change);
  if (const auto* removed = std::get_if<MemberRemoved>(&event)) {
    // Whoever takes a removal for the end of "up" must hear of the next "up" again.
    const auto found = told_.find(removed->backend);
    if (found != told_.end() && found->second == Verdict::up) found->second = Verdict::unknown;
  }
  next_.on(event);
}

void DistinctVerdicts::forward(VerdictChanged change) {
  auto found = told_.find(change.backend);
  if (found == told_.end()) found = told_.emplace(std::string(change.backend), Verdict::unknown).first;
  // From unknown to unknown tells that the reason has changed.
  if (change.to == found->second && change.to != Verdict::unknown) return;
  change.from = found->second;
  found->second = change.to;
  next_.on(change);
}

}  // namespace gopher
