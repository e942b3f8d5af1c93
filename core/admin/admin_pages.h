// AdminPages: what the metrics port shows.
//
//   /          the status page, which draws /status; only where there is a status
//   /status    the status as JSON
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

// What the pages are made of, at each request, on the server's thread. All but `metrics` may be empty.
struct AdminSources {
  std::function<std::string()> metrics;
  std::function<ReadinessReport()> readiness{};
  std::function<std::string()> status_json{};
  std::function<HttpPage()> status_page{};
};

class AdminPages final : public HttpPages {
 public:
  explicit AdminPages(AdminSources sources) : sources_(std::move(sources)) {}

  HttpPage respond(std::string_view path) override;

 private:
  const AdminSources sources_;
};

}  // namespace gopher
