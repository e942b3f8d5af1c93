#include "io/metrics.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/metrics_shard.h"

namespace gopher {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::Key;
using testing::Not;

// Series ("name{labels}") to value; a series that comes twice fails the test.
std::map<std::string, double> parse(const std::string& text) {
  std::map<std::string, double> series;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto space = line.rfind(' ');
    EXPECT_TRUE(series.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second) << line;
  }
  return series;
}

struct MetricsTest : testing::Test {
  MetricsTest() : MetricsTest(MetricsFlavour::proxy) {}
  explicit MetricsTest(MetricsFlavour flavour)
      : metrics(
            {.flavour = flavour, .workers = 2, .version = "1.2.3", .commit = "abc", .now = [this] { return now; }}) {}

  RequestFinished request(std::string_view backend, Duration duration, Cause cause = Cause::completed,
                          int status = 200) const {
    return {.method = "GET",
            .target = "/",
            .client = client,
            .status = status,
            .cause = cause,
            .answered_by_backend = cause == Cause::completed || cause == Cause::upgraded,
            .backend = backend,
            .bytes_in = 3,
            .bytes_out = 50,
            .request_id = "r",
            .attempts = 1,
            .reused_connection = false,
            .duration = duration,
            .first_byte = milliseconds(2)};
  }
  std::map<std::string, double> scrape() const { return parse(metrics.serialize()); }

  Instant now{seconds(1000)};
  IpAddress client;
  Metrics metrics;
};

struct SentinelMetricsTest : MetricsTest {
  SentinelMetricsTest() : MetricsTest(MetricsFlavour::sentinel) {}
};

TEST_F(MetricsTest, EveryCounterOfTheContractStandsAtZeroFromTheStart) {
  auto series = scrape();
  for (const char* name :
       {"gopherproxy_processed_requests_total", "gopherproxy_dropped_requests_total", "gopherproxy_active_backends",
        "gopherproxy_requests_total{status_class=\"2xx\",cause=\"completed\"}",
        "gopherproxy_requests_total{status_class=\"4xx\",cause=\"rate_limited\"}",
        "gopherproxy_request_body_bytes_total", "gopherproxy_response_body_bytes_total",
        "gopherproxy_downstream_connections", "gopherproxy_registry_reachable",
        "gopherproxy_registry_failures_total{reason=\"refused\"}", "gopherproxy_draining"}) {
    ASSERT_THAT(series, Contains(Key(name)));
    EXPECT_EQ(series[name], 0) << name;
  }
  std::set<std::string> causes;
  for (const auto& [name, value] : series)
    if (const auto at = name.find("cause=\""); at != std::string::npos) causes.insert(name.substr(at));
  EXPECT_EQ(causes.size(), kCauseCount) << "every cause is there";
  EXPECT_EQ(series["gopherproxy_build_info{version=\"1.2.3\",commit=\"abc\"}"], 1);
}

TEST_F(MetricsTest, TheProcessIsDescribedUnderTheStandardNames) {
  auto series = scrape();
  EXPECT_GT(series["process_resident_memory_bytes"], 1e5);
  EXPECT_GT(series["process_open_fds"], 2);
  EXPECT_GE(series["process_max_fds"], series["process_open_fds"]);
  EXPECT_THAT(series, Contains(Key("process_cpu_seconds_total")));
  const double wall = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(series["process_start_time_seconds"], wall, 3600);
}

TEST_F(MetricsTest, EachRequestIsEitherProcessedOrDropped) {
  double requests = 0;
  for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
    for (const int status : {0, 101, 200, 304, 404, 503, 999}) {
      for (const bool answered : {false, true}) {
        auto event = request("a:1", milliseconds(1), static_cast<Cause>(cause), status);
        event.answered_by_backend = answered;
        metrics.worker(cause % 2).on(event);
        ++requests;
      }
    }
  }
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_processed_requests_total"], requests / 2);
  EXPECT_EQ(series["gopherproxy_dropped_requests_total"], requests / 2);
  EXPECT_EQ(series["gopherproxy_request_duration_seconds_count{backend=\"a:1\"}"], requests / 2);
  double by_class = 0;
  for (const auto& [name, value] : series)
    if (name.starts_with("gopherproxy_requests_total{")) by_class += value;
  EXPECT_EQ(by_class, requests);
  EXPECT_EQ(series["gopherproxy_requests_total{status_class=\"none\",cause=\"client_gone\"}"], 4);
  EXPECT_EQ(series["gopherproxy_request_body_bytes_total"], 3 * requests);
  EXPECT_EQ(series["gopherproxy_response_body_bytes_total"], 50 * requests);
}

TEST_F(MetricsTest, BucketsAreCumulativeInclusiveAndSpelledAsGoSpellsThem) {
  metrics.worker(0).on(request("a:1", microseconds(100)));
  metrics.worker(1).on(request("a:1", microseconds(101)));
  metrics.worker(0).on(request("a:1", milliseconds(5)));
  metrics.worker(0).on(request("a:1", seconds(60)));
  auto series = scrape();
  const std::vector<std::pair<std::string, double>> expected = {
      {"0.0001", 1}, {"0.00025", 2}, {"0.0005", 2}, {"0.001", 2}, {"0.0025", 2}, {"0.005", 3},
      {"0.01", 3},   {"0.025", 3},   {"0.05", 3},   {"0.1", 3},   {"0.25", 3},   {"0.5", 3},
      {"1", 3},      {"2.5", 3},     {"5", 3},      {"10", 3},    {"+Inf", 4}};
  for (const auto& [bound, count] : expected) {
    const std::string name = "gopherproxy_request_duration_seconds_bucket{backend=\"a:1\",le=\"" + bound + "\"}";
    ASSERT_THAT(series, Contains(Key(name)));
    EXPECT_EQ(series[name], count) << bound;
  }
  EXPECT_EQ(series["gopherproxy_request_duration_seconds_count{backend=\"a:1\"}"], 4);
  EXPECT_NEAR(series["gopherproxy_request_duration_seconds_sum{backend=\"a:1\"}"], 60.005201, 1e-9);
  std::size_t buckets = 0;
  for (const auto& [name, value] : series)
    buckets += name.starts_with("gopherproxy_request_duration_seconds_bucket");
  EXPECT_EQ(buckets, expected.size());
}

TEST_F(MetricsTest, OnlyAnsweredRequestsAreTimedAndATunnelUntilItOpened) {
  metrics.worker(0).on(request("a:1", milliseconds(1), Cause::connect_refused, 502));
  metrics.worker(0).on(request("a:1", std::chrono::hours(5), Cause::upgraded, 101));
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_request_duration_seconds_count{backend=\"a:1\"}"], 1);
  EXPECT_EQ(series["gopherproxy_request_duration_seconds_sum{backend=\"a:1\"}"], 0.002);
}

TEST_F(MetricsTest, WorkersAreSummedForEachBackend) {
  const SocketAddress peer{client, 1};
  const Error reset{ErrorKind::reset, ErrorSource::upstream, Retry::on_fresh_connection};
  for (const std::size_t index : {0u, 1u}) {
    Observer& worker = metrics.worker(index);
    worker.on(ConnectionAccepted{peer});
    worker.on(ConnectionAccepted{peer});
    worker.on(ConnectionClosed{peer});
    worker.on(AcceptPaused{ErrorKind::exhausted});
    worker.on(ExchangeBegan{"a:1"});
    worker.on(ExchangeBegan{"a:1"});
    worker.on(ExchangeEnded{"a:1"});
    worker.on(UpstreamConnectionOpened{"a:1"});
    worker.on(UpstreamConnectionOpened{"a:1"});
    worker.on(UpstreamConnectionReused{"a:1"});
    worker.on(UpstreamConnectionClosed{"a:1"});
    worker.on(UpstreamConnectFailed{"b:2", ErrorKind::no_such_host});
    worker.on(RequestRetried{"b:2", reset});
  }
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_downstream_connections"], 2);
  EXPECT_EQ(series["gopherproxy_downstream_connections_accepted_total"], 4);
  EXPECT_EQ(series["gopherproxy_accept_pauses_total"], 2);
  EXPECT_EQ(series["gopherproxy_backend_in_flight{backend=\"a:1\"}"], 2);
  EXPECT_EQ(series["gopherproxy_upstream_connections{backend=\"a:1\"}"], 2);
  EXPECT_EQ(series["gopherproxy_upstream_connections_opened_total{backend=\"a:1\"}"], 4);
  EXPECT_EQ(series["gopherproxy_upstream_connections_reused_total{backend=\"a:1\"}"], 2);
  EXPECT_EQ(series["gopherproxy_upstream_connect_failures_total{backend=\"b:2\",reason=\"no_such_host\"}"], 2);
  EXPECT_EQ(series["gopherproxy_upstream_connect_failures_total{backend=\"b:2\",reason=\"refused\"}"], 0);
  EXPECT_EQ(series["gopherproxy_retries_total{backend=\"b:2\"}"], 2);
  EXPECT_EQ(series["gopherproxy_retries_total{backend=\"a:1\"}"], 0);
}

TEST_F(MetricsTest, GaugesOfABackendDisappearWithItAndItsCountersStay) {
  metrics.control().on(MemberAdded{"a:1"});
  metrics.control().on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});
  metrics.control().on(PoolChanged{1, 1});
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_active_backends"], 1);
  EXPECT_EQ(series["gopherproxy_backend_up{backend=\"a:1\"}"], 1);
  EXPECT_THAT(series, Contains(Key("gopherproxy_backend_in_flight{backend=\"a:1\"}")));
  EXPECT_THAT(series, Contains(Key("gopherproxy_retries_total{backend=\"a:1\"}"))) << "at 0 once it is known";

  metrics.worker(0).on(ExchangeBegan{"a:1"});
  metrics.control().on(MemberRemoved{"a:1"});
  metrics.control().on(PoolChanged{0, 0});
  series = scrape();
  EXPECT_EQ(series["gopherproxy_active_backends"], 0);
  EXPECT_THAT(series, Not(Contains(Key("gopherproxy_backend_up{backend=\"a:1\"}"))));
  EXPECT_THAT(series, Not(Contains(Key("gopherproxy_backend_ejected{backend=\"a:1\"}"))));
  EXPECT_EQ(series["gopherproxy_backend_in_flight{backend=\"a:1\"}"], 1) << "it drains";

  metrics.worker(0).on(ExchangeEnded{"a:1"});
  series = scrape();
  EXPECT_THAT(series, Not(Contains(Key("gopherproxy_backend_in_flight{backend=\"a:1\"}"))));
  EXPECT_THAT(series, Contains(Key("gopherproxy_retries_total{backend=\"a:1\"}")));
}

TEST_F(MetricsTest, AnEjectionEndsByReturnOrByTime) {
  metrics.control().on(MemberAdded{"a:1"});
  metrics.worker(0).on(BackendEjected{"a:1", 2, seconds(10), Cause::connect_refused});
  metrics.worker(1).on(BackendEjected{"a:1", 2, seconds(20), Cause::connect_refused});
  EXPECT_EQ(scrape()["gopherproxy_backend_ejected{backend=\"a:1\"}"], 2);
  metrics.worker(0).on(BackendReturned{"a:1"});
  EXPECT_EQ(scrape()["gopherproxy_backend_ejected{backend=\"a:1\"}"], 1);
  now += seconds(20);
  EXPECT_EQ(scrape()["gopherproxy_backend_ejected{backend=\"a:1\"}"], 0);
  EXPECT_EQ(scrape()["gopherproxy_backend_ejections_total{backend=\"a:1\"}"], 2);
}

TEST_F(MetricsTest, BackendsBeyondTheBoundShareOneLabel) {
  for (std::size_t i = 0; i < MetricsShard::kMaxBackends + 10; ++i)
    metrics.worker(0).on(UpstreamConnectionReused{"host:" + std::to_string(i)});
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_upstream_connections_reused_total{backend=\"host:4095\"}"], 1);
  EXPECT_EQ(series["gopherproxy_upstream_connections_reused_total{backend=\"other\"}"], 10);
  EXPECT_THAT(series, Not(Contains(Key("gopherproxy_upstream_connections_reused_total{backend=\"host:4096\"}"))));
}

// A worker's hosts are found again by their numbers, in a table that is shorter than the numbers are many.
TEST_F(MetricsTest, HostsWhoseNumbersFallOnOnePlaceAreCountedApart) {
  Observer& worker = metrics.worker(0);
  for (int round = 0; round < 3; ++round) {
    worker.on(UpstreamConnectionReused{BackendName("a:1", 7)});
    worker.on(UpstreamConnectionReused{BackendName("b:2", 7 + MetricsShard::kNumberedHosts)});
    worker.on(UpstreamConnectionReused{BackendName("b:2", 8)});  // it left and came back
  }
  worker.on(UpstreamConnectionReused{"a:1"});
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_upstream_connections_reused_total{backend=\"a:1\"}"], 4);
  EXPECT_EQ(series["gopherproxy_upstream_connections_reused_total{backend=\"b:2\"}"], 6);
}

TEST_F(MetricsTest, TheRegistrysAgeRunsFromItsLastAnswer) {
  now += seconds(7);
  EXPECT_EQ(scrape()["gopherproxy_registry_last_read_age_seconds"], 7) << "from the start while it never answered";
  metrics.control().on(RegistrySucceeded{false});
  now += milliseconds(2500);
  metrics.control().on(RegistryFailed{{ErrorKind::refused, ErrorSource::registry}, "", 1, seconds(1)});
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_registry_last_read_age_seconds"], 2.5);
  EXPECT_EQ(series["gopherproxy_registry_reachable"], 0);
  EXPECT_EQ(series["gopherproxy_registry_failures_total{reason=\"refused\"}"], 1);
  metrics.control().on(RegistrySucceeded{true});
  EXPECT_EQ(scrape()["gopherproxy_registry_reachable"], 1);
}

TEST_F(MetricsTest, CallbacksAndDrainingAreRead) {
  double entries = 3;
  metrics.add_gauge("limiter_table_entries", "Clients now limited.", [&] { return entries; });
  metrics.add_counter("log_dropped_lines_total", "Lines dropped.", [] { return 5.0; });
  metrics.set_draining(true);
  entries = 4;
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_limiter_table_entries"], 4);
  EXPECT_EQ(series["gopherproxy_log_dropped_lines_total"], 5);
  EXPECT_EQ(series["gopherproxy_draining"], 1);
  EXPECT_THAT(metrics.serialize(), testing::HasSubstr("# TYPE gopherproxy_log_dropped_lines_total counter"));
  EXPECT_THAT(metrics.serialize(), testing::HasSubstr("# TYPE gopherproxy_request_duration_seconds histogram"));
}

TEST_F(MetricsTest, LabelsAreEscaped) {
  metrics.worker(0).on(RequestRetried{"a\"b\\c\nd:1", Error{ErrorKind::reset}});
  EXPECT_EQ(scrape()["gopherproxy_retries_total{backend=\"a\\\"b\\\\c\\nd:1\"}"], 1);
}

TEST_F(MetricsTest, AScrapeMayRunWhileWorkersCount) {
  constexpr int kRequests = 20000;
  std::atomic<int> running{2};
  std::vector<std::thread> workers;
  for (const std::size_t index : {0u, 1u})
    workers.emplace_back([&, index] {
      for (int i = 0; i < kRequests; ++i) {
        const std::string authority = "host:" + std::to_string(i % 50);
        const BackendName backend(authority, 1 + static_cast<std::uint64_t>(i % 50));
        metrics.worker(index).on(ExchangeBegan{backend});
        metrics.worker(index).on(request(backend, microseconds(i)));
        metrics.worker(index).on(ExchangeEnded{backend});
      }
      --running;
    });
  std::atomic<bool> over = false;
  std::thread control([&] {
    while (!over) {
      metrics.control().on(MemberAdded{"host:1"});
      metrics.control().on(MemberRemoved{"host:1"});
    }
  });
  double processed = 0;
  // On a busy machine the workers may be done before this thread has had a turn.
  for (int scrapes = 0; running > 0 || scrapes < 50; ++scrapes) {
    auto series = scrape();
    EXPECT_GE(series["gopherproxy_processed_requests_total"], processed) << "a counter never goes back";
    processed = series["gopherproxy_processed_requests_total"];
  }
  over = true;
  for (auto& worker : workers)
    worker.join();
  control.join();
  auto series = scrape();
  EXPECT_EQ(series["gopherproxy_processed_requests_total"], 2 * kRequests);
  double timed = 0;
  for (const auto& [name, value] : series)
    if (name.starts_with("gopherproxy_request_duration_seconds_count")) timed += value;
  EXPECT_EQ(timed, 2 * kRequests);
}

TEST_F(SentinelMetricsTest, ProbesVerdictsAndWritesAreShown) {
  Observer& control = metrics.control();
  control.on(ProbeFinished{"a:1", true, ErrorKind::closed, 0, milliseconds(1)});
  EXPECT_EQ(scrape()["gophersentinel_target_up{target=\"a:1\"}"], 0) << "not known yet";
  control.on(VerdictChanged{"a:1", Verdict::unknown, Verdict::up});
  control.on(ProbeFinished{"a:1", false, ErrorKind::unreachable, 0, milliseconds(3)});
  control.on(RegistryWritten{2, 1});
  auto series = scrape();
  EXPECT_EQ(series["gophersentinel_probes_total{target=\"a:1\",result=\"success\"}"], 1);
  EXPECT_EQ(series["gophersentinel_probes_total{target=\"a:1\",result=\"unreachable\"}"], 1);
  EXPECT_EQ(series["gophersentinel_probes_total{target=\"a:1\",result=\"refused\"}"], 0);
  EXPECT_EQ(series["gophersentinel_probe_duration_seconds_count{target=\"a:1\"}"], 2);
  EXPECT_EQ(series["gophersentinel_probe_duration_seconds_bucket{target=\"a:1\",le=\"0.001\"}"], 1);
  EXPECT_EQ(series["gophersentinel_target_up{target=\"a:1\"}"], 1);
  EXPECT_EQ(series["gophersentinel_transitions_total{target=\"a:1\",to=\"up\"}"], 1);
  EXPECT_EQ(series["gophersentinel_transitions_total{target=\"a:1\",to=\"down\"}"], 0);
  EXPECT_EQ(series["gophersentinel_registry_writes_total"], 1);
  EXPECT_EQ(series["gophersentinel_registry_members_written_total{operation=\"add\"}"], 2);
  EXPECT_EQ(series["gophersentinel_registry_members_written_total{operation=\"remove\"}"], 1);
  for (const auto& [name, value] : series)
    EXPECT_TRUE(name.starts_with("gophersentinel_") || name.starts_with("process_")) << name;
}

}  // namespace
}  // namespace gopher
