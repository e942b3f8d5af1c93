#include "core/admin/admin_pages.h"

namespace gopher {

HttpPage AdminPages::respond(std::string_view path) {
  if (path == "/healthz") return {.body = "ok"};
  if (path == "/metrics") return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_()};
  if (path == "/readyz" && readiness_) {
    auto report = readiness_();
    return {.status = report.ready ? 200 : 503, .body = std::move(report.words) + '\n'};
  }
  return {.status = 404, .body = readiness_ ? "/metrics\n/healthz\n/readyz\n" : "/metrics\n/healthz\n"};
}

}  // namespace gopher
