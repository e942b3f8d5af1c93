// AdminPages: what the metrics port shows.
//
//   /metrics   Prometheus text
//   /healthz   200 "ok" as long as this process answers at all
//   /readyz    200 or 503, and why in words; only where there is a readiness to tell of
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/admin/http_server.h"
#include "core/admin/readiness.h"

namespace gopher {

class AdminPages final : public HttpPages {
 public:
  // `readiness` may be empty. Both are called on the server's thread.
  AdminPages(std::function<std::string()> metrics, std::function<ReadinessReport()> readiness)
      : metrics_(std::move(metrics)), readiness_(std::move(readiness)) {}

  HttpPage respond(std::string_view path) override;

 private:
  std::function<std::string()> metrics_;
  std::function<ReadinessReport()> readiness_;
};

}  // namespace gopher
