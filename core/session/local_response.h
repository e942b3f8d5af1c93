// Responses that this proxy makes itself: small, with a fixed text.
#pragma once

#include <string_view>

#include "core/http/head_writer.h"
#include "core/limit/client_limiter.h"

namespace gopher {

struct LocalResponse {
  int status = 500;
  std::string_view detail;  // after the reason phrase, in the body; fixed text or empty
  std::string_view date;
  bool omit_body = false;  // the answer to HEAD
  bool close = false;
  bool confirm_keep_alive = false;
  const LimiterVerdict* limiter_verdict = nullptr;  // adds Retry-After and the RateLimit fields
  const LimiterSettings* limiter_settings = nullptr;
};

// Writes head and body; returns the body's bytes.
std::size_t write_local_response(http::HeadWriter& writer, const LocalResponse& response) noexcept;

}  // namespace gopher
