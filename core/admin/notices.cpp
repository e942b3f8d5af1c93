#include "core/admin/notices.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gopher {

std::string whole_seconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

void Notices::add(Notice notice) {
  notice.subject.resize(std::min(notice.subject.size(), kMaxTextBytes));
  notice.why.resize(std::min(notice.why.size(), kMaxTextBytes));
  const auto same = std::find_if(notices_.rbegin(), notices_.rend(), [&](const Notice& known) {
    return known.what == notice.what && known.subject == notice.subject && known.why == notice.why;
  });
  if (same != notices_.rend() && notice.at - same->at <= kSameNews) {
    notice.count = same->count + 1;
    notices_.erase(std::next(same).base());
  }
  if (notices_.size() == kMost) notices_.pop_front();
  notices_.push_back(std::move(notice));
}

}  // namespace gopher
