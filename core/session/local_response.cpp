#include "core/session/local_response.h"

#include <algorithm>

#include "core/http/status.h"

namespace gopher {

namespace {

std::uint64_t whole_seconds_up(Duration duration) noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return duration.count() <= 0 ? 0 : static_cast<std::uint64_t>((duration.count() + kSecond - 1) / kSecond);
}

}  // namespace

std::size_t write_local_response(http::HeadWriter& writer, const LocalResponse& response) noexcept {
  const auto reason = http::reason_phrase(response.status);
  const std::size_t body_bytes = reason.size() + 1 + (response.detail.empty() ? 0 : response.detail.size() + 2);
  writer.text("HTTP/1.1 ").number(response.status).text(" ").text(reason).text("\r\n");
  writer.field("Content-Type", "text/plain; charset=utf-8").text("Content-Length: ").number(body_bytes).text("\r\n");
  writer.field("Date", response.date);
  if (const auto* verdict = response.limiter_verdict) {
    // RFC 9110 section 10.2.3, and draft-ietf-httpapi-ratelimit-headers: q requests within w seconds.
    const auto retry_after = std::max<std::uint64_t>(1, whole_seconds_up(verdict->retry_after));
    const auto& settings = *response.limiter_settings;
    const auto window = (settings.burst * std::uint64_t{1000} + settings.rate_millirequests_per_second - 1) /
                        settings.rate_millirequests_per_second;
    writer.text("Retry-After: ").number(retry_after).text("\r\n");
    writer.text("RateLimit-Policy: \"client\";q=").number(settings.burst).text(";w=").number(window).text("\r\n");
    writer.text("RateLimit: \"client\";r=").number(verdict->remaining).text(";t=").number(retry_after).text("\r\n");
  }
  if (response.close) {
    writer.field("Connection", "close");
  } else if (response.confirm_keep_alive) {
    writer.field("Connection", "keep-alive");
  }
  writer.end();
  if (response.omit_body) return 0;
  writer.text(reason);
  if (!response.detail.empty()) writer.text(": ").text(response.detail);
  writer.text("\n");
  return body_bytes;
}

}  // namespace gopher
