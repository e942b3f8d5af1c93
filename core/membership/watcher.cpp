#include "core/membership/watcher.h"

#include <algorithm>

#include "core/async/sleep.h"

namespace gopher {

namespace {

// A text can be as long as the registry allows; its beginning is enough to find it.
constexpr std::size_t kMaxReportedBytes = 256;

}  // namespace

Watcher::Watcher(Registry& registry, Clock& clock, Observer& observer, MembershipListener& listener,
                 const WatcherSettings& settings, std::uint64_t seed)
    : registry_(registry),
      clock_(clock),
      observer_(observer),
      listener_(listener),
      settings_(settings),
      attempts_(registry, observer, settings.backoff, seed, "watcher") {}

Task<void> Watcher::run(Cancellation& cancellation) {
  while (!cancellation.requested()) {
    const Instant began = clock_.now();
    Expected<RegistryContent> content = co_await registry_.read(Registry::Read::members);
    if (cancellation.requested()) break;
    if (content && content->members.size() > settings_.max_members) {
      content = std::unexpected(Error{ErrorKind::too_large, ErrorSource::registry});
    }
    if (content) {
      attempts_.succeeded();
      adopt(*content);
      co_await registry_.wait_for_change(began + settings_.poll_interval, cancellation);
    } else {
      const Duration pause = attempts_.failed(content.error());
      co_await sleep_until(clock_, clock_.now() + pause, cancellation);
    }
  }
}

void Watcher::adopt(const RegistryContent& content) {
  const MembershipDelta delta = compare_members(members_, content.members);
  report(delta.rejected);
  for (const Endpoint& endpoint : delta.remove) {
    members_.erase(std::lower_bound(members_.begin(), members_.end(), endpoint));
    observer_.on(MemberRemoved{.backend = endpoint.authority()});
    listener_.on_member_removed(endpoint);
  }
  for (const Endpoint& endpoint : delta.add) {
    members_.insert(std::lower_bound(members_.begin(), members_.end(), endpoint), endpoint);
    observer_.on(MemberAdded{.backend = endpoint.authority()});
    listener_.on_member_added(endpoint);
  }
}

void Watcher::report(const std::vector<RejectedMember>& rejected) {
  std::map<std::uint64_t, std::string> present;
  std::vector<const RejectedMember*> fresh;
  for (const RejectedMember& member : rejected) {
    if (present.size() == kMaxRejectedRemembered) break;
    const std::uint64_t hash = RandomStream(0, "rejected-member", member.text).next();
    present.emplace(hash, member.text.substr(0, kMaxReportedBytes));
    if (!rejected_.contains(hash)) fresh.push_back(&member);
  }
  for (const auto& [hash, text] : rejected_)
    if (!present.contains(hash)) observer_.on(RejectedMemberGone{.text = text});
  for (const RejectedMember* member : fresh)
    observer_.on(
        MemberRejected{.text = std::string_view(member->text).substr(0, kMaxReportedBytes), .why = member->why});
  rejected_ = std::move(present);
}

}  // namespace gopher
