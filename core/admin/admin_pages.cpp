#include "core/admin/admin_pages.h"

namespace gopher {

HttpPage AdminPages::respond(std::string_view path) {
  if (path == "/healthz") return {.body = "ok"};
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = sources_.metrics()};
  }
  if (path == "/readyz" && sources_.readiness) {
    auto report = sources_.readiness();
    return {.status = report.ready ? 200 : 503, .body = std::move(report.words) + '\n'};
  }
  if (path == "/status" && sources_.status_json) {
    return {.content_type = "application/json", .body = sources_.status_json()};
  }
  if (path == "/" && sources_.status_page) return sources_.status_page();

  std::string known = "/metrics\n/healthz\n";
  if (sources_.readiness) known += "/readyz\n";
  if (sources_.status_json) known += "/status\n";
  return {.status = 404, .body = std::move(known)};
}

}  // namespace gopher
