// Notices: the recent events that an operator would want to hear of, the newest last; for the status page.
//
// Bounded: kMost of them, each text at most kMaxTextBytes. The same news within kSameNews is one notice with a count,
// so that a flapping backend does not push everything else out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/ports/time.h"

namespace gopher {

enum class NoticeLevel : std::uint8_t { good, info, warning, bad };

constexpr std::string_view to_string(NoticeLevel level) {
  switch (level) {
    case NoticeLevel::good: return "good";
    case NoticeLevel::info: return "info";
    case NoticeLevel::warning: return "warning";
    case NoticeLevel::bad: return "bad";
  }
  return "info";
}

// As a notice tells a length of time.
std::string whole_seconds(Duration duration);

struct Notice {
  Instant at;  // of the latest, when it stands for several
  NoticeLevel level = NoticeLevel::info;
  std::string_view what;  // a fixed text
  std::string subject{};  // a backend, a member's text: may hold anything; may be empty
  std::string why{};      // may hold anything; may be empty
  std::uint32_t count = 1;
};

class Notices {
 public:
  static constexpr std::size_t kMost = 100;
  static constexpr std::size_t kMaxTextBytes = 256;
  static constexpr Duration kSameNews = std::chrono::seconds(30);

  void add(Notice notice);
  const std::deque<Notice>& all() const noexcept { return notices_; }

 private:
  std::deque<Notice> notices_;
};

}  // namespace gopher
