#include "core/admin/admin_pages.h"

#include <gtest/gtest.h>

namespace gopher {
namespace {

std::string metrics() { return "up 1\n"; }

TEST(AdminPages, HealthzSaysOkWhateverTheReadiness) {
  AdminPages pages({.metrics = &metrics, .readiness = [] { return ReadinessReport{false, "draining"}; }});
  const HttpPage page = pages.respond("/healthz");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "ok");
}

TEST(AdminPages, ReadyzGivesTheReasonInWordsEitherWay) {
  ReadinessReport report{false, "no live backend"};
  AdminPages pages({.metrics = &metrics, .readiness = [&] { return report; }});
  EXPECT_EQ(pages.respond("/readyz").status, 503);
  EXPECT_EQ(pages.respond("/readyz").body, "no live backend\n");
  report = {true, "ready: 2 of 2 backends live"};
  EXPECT_EQ(pages.respond("/readyz").status, 200);
  EXPECT_EQ(pages.respond("/readyz").body, "ready: 2 of 2 backends live\n");
}

TEST(AdminPages, MetricsAreInThePrometheusTextFormat) {
  AdminPages pages({.metrics = &metrics});
  const HttpPage page = pages.respond("/metrics");
  EXPECT_EQ(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(page.body, "up 1\n");
}

TEST(AdminPages, WithoutAReadinessThereIsNoSuchPage) {
  AdminPages pages({.metrics = &metrics});
  EXPECT_EQ(pages.respond("/readyz").status, 404);
  EXPECT_EQ(pages.respond("/").status, 404);
}

TEST(AdminPages, TheStatusIsAPageAndJson) {
  AdminPages pages({.metrics = &metrics,
                    .status_json = [] { return std::string("{}"); },
                    .status_page = [] { return HttpPage{.content_type = "text/html", .body = "<p>"}; }});
  EXPECT_EQ(pages.respond("/").content_type, "text/html");
  EXPECT_EQ(pages.respond("/").body, "<p>");
  EXPECT_EQ(pages.respond("/status").content_type, "application/json");
  EXPECT_EQ(pages.respond("/status").body, "{}");
  EXPECT_EQ(pages.respond("/status/").status, 404);
}

}  // namespace
}  // namespace gopher
