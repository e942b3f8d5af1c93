// The Date field's value: IMF-fixdate, RFC 9110 section 5.6.7.
#pragma once

#include <array>
#include <string_view>

#include "core/ports/time.h"

namespace gopher::http {

// Formats at most once a second; the view lives until the next call. One worker's.
class DateText {
 public:
  std::string_view at(WallInstant now);

 private:
  std::array<char, 29> text_{};
  std::chrono::sys_seconds second_ = std::chrono::sys_seconds::min();
};

}  // namespace gopher::http
