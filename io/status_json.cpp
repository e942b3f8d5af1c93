#include "io/status_json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <tuple>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/metrics_shard.h"
#include "io/version.h"

namespace gopher {
namespace {

using Json = nlohmann::ordered_json;

double in_milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

class StatusJson {
 public:
  explicit StatusJson(const StatusView& view) : view_(view), all_(view.traffic.all(view.now, view.totals)) {}

  std::string text() const {
    Json json;
    add_process(json);
    add_problems(json);
    if (view_.pool != nullptr) json["traffic"] = traffic();
    json["backends"] = backends();
    if (view_.settings.limiter != nullptr) json["limiter"] = limiter(*view_.settings.limiter);
    json["registry"] = registry();
    json["notices"] = notices();
    // What is not UTF-8 becomes U+FFFD.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  // Instants are given as Unix time by the present offset of the wall clock.
  Json unix_ms(Instant at) const {
    const auto wall = view_.wall_now + (at - view_.now);
    return std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count();
  }
  Json unix_ms(const std::optional<Instant>& at) const { return at ? unix_ms(*at) : Json(); }

  static Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

  static void add_quantiles(Json& json, const TrafficCounts& counts) {
    for (const auto& [name, q] : {std::pair{"p50_ms", 0.5}, std::pair{"p95_ms", 0.95}, std::pair{"p99_ms", 0.99}}) {
      const auto duration = counts.duration_quantile(q);
      json[name] = duration ? Json(in_milliseconds(*duration)) : Json();
    }
  }

  void add_process(Json& json) const {
    json["program"] = view_.settings.program;
    json["version"] = build_info().version;
    json["commit"] = build_info().commit;
    json["pid"] = getpid();
    if (view_.pool != nullptr) json["workers"] = view_.workers;
    if (!view_.settings.owner.empty()) json["sentinel_id"] = view_.settings.owner;
    json["now_unix_ms"] = unix_ms(view_.now);
    json["started_unix_ms"] = unix_ms(view_.started);
    json["uptime_seconds"] = std::chrono::duration<double>(view_.now - view_.started).count();
  }

  void add_problems(Json& json) const {
    const auto problems = find_problems(view_);
    const auto readiness =
        view_.settings.readiness ? view_.settings.readiness() : ReadinessReport{.ready = true, .words = ""};
    const RegistryRecord& registry = view_.record.registry();
    const bool starting = !registry.last_success && !registry.failing_since;
    json["state"] = view_.draining_since ? "draining"
                    : starting           ? "starting"
                    : !readiness.ready   ? "failing"
                    : problems.empty()   ? "ok"
                                         : "degraded";
    json["readiness"] = readiness.words;
    json["draining"] = Json();
    if (view_.draining_since) {
      json["draining"] = {{"since_unix_ms", unix_ms(view_.draining_since)},
                          {"until_unix_ms", unix_ms(*view_.draining_since + view_.settings.drain_timeout)}};
    }
    json["problems"] = Json::array();
    for (const Problem& problem : problems) {
      json["problems"].push_back({{"level", to_string(problem.level)},
                                  {"what", problem.what},
                                  {"subject", problem.subject},
                                  {"why", problem.why},
                                  {"since_unix_ms", unix_ms(problem.since)}});
    }
  }

  Json traffic() const {
    const TrafficCounts total = counts_of(view_.totals);
    std::int64_t in_flight = 0;
    for (const auto& [authority, backend] : view_.totals.backends)
      in_flight += backend.in_flight;
    Json json = {{"requests_per_second", or_null(all_.requests_per_second)},
                 {"limited_per_second", or_null(all_.limited_per_second)},
                 {"error_ratio", all_.counts.error_ratio()}};
    add_quantiles(json, all_.counts);
    json["in_flight"] = in_flight;
    json["connections"] = view_.totals.connections;
    json["window"] = {{"seconds", std::chrono::duration<double>(all_.window).count()},
                      {"requests", all_.counts.requests},
                      {"failed", all_.counts.failed},
                      {"limited", all_.counts.limited},
                      {"causes", causes()}};
    json["total"] = {{"requests", total.requests},      {"processed", view_.totals.processed},
                     {"dropped", view_.totals.dropped}, {"failed", total.failed},
                     {"limited", total.limited},        {"retried", total.retried}};
    json["history"] = history();
    return json;
  }

  Json causes() const {
    Json json = Json::object();
    const CauseCounts causes = view_.traffic.causes(view_.totals);
    for (std::size_t i = 0; i < causes.size(); ++i)
      if (causes[i] > 0) json[std::string(to_string(static_cast<Cause>(i)))] = causes[i];
    return json;
  }

  // One number for each interval between two samples, the latest last.
  Json history() const {
    Json requests = Json::array(), failed = Json::array(), limited = Json::array(), p95 = Json::array();
    const auto& samples = view_.traffic.samples();
    for (std::size_t i = 1; i < samples.size(); ++i) {
      const TrafficCounts counts = samples[i].counts - samples[i - 1].counts;
      const double seconds = std::chrono::duration<double>(samples[i].at - samples[i - 1].at).count();
      const auto rate = [&](std::uint64_t count) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; };
      requests.push_back(rate(counts.requests));
      failed.push_back(rate(counts.failed));
      limited.push_back(rate(counts.limited));
      const auto slow = counts.duration_quantile(0.95);
      p95.push_back(slow ? Json(in_milliseconds(*slow)) : Json());
    }
    return {{"interval_seconds", std::chrono::duration<double>(TrafficHistory::kInterval).count()},
            {"requests_per_second", std::move(requests)},
            {"failed_per_second", std::move(failed)},
            {"limited_per_second", std::move(limited)},
            {"p95_ms", std::move(p95)}};
  }

  Json backends() const {
    std::vector<std::pair<BackendState, const StatusRecord::Backends::value_type*>> rows;
    for (const auto& known : view_.record.backends())
      rows.emplace_back(backend_state(view_, known.first, known.second), &known);
    if (rows.size() > kMostBackendsListed) {
      std::ranges::sort(rows, {}, [](const auto& row) {
        return std::tuple(row.first == BackendState::up, std::string_view(row.second->first));
      });
      rows.resize(kMostBackendsListed);
    }
    Json list = Json::array();
    for (const auto& [state, known] : rows)
      list.push_back(backend(state, known->first, known->second));
    Json json = {{"count", view_.record.backends().size()}, {"list", std::move(list)}, {"leaving", leaving()}};
    return json;
  }

  Json backend(BackendState state, const std::string& authority, const BackendRecord& record) const {
    Json json = {{"backend", authority},
                 {"state", to_string(state)},
                 {"since_unix_ms", unix_ms(record.since)},
                 {"verdict", to_string(record.verdict)},
                 {"reason", record.reason_known ? Json(to_string(record.reason)) : Json()}};
    if (view_.pool != nullptr) add_traffic(json, authority);
    json["probes"] = Json::array();
    for (const ProbeRecord& probe : record.probes) {
      json["probes"].push_back({{"at_unix_ms", unix_ms(probe.at)},
                                {"succeeded", probe.succeeded},
                                {"reason", probe.succeeded ? Json() : Json(to_string(probe.failure))},
                                {"status", probe.status == 0 ? Json() : Json(probe.status)},
                                {"duration_ms", in_milliseconds(probe.duration)}});
    }
    return json;
  }

  void add_traffic(Json& json, const std::string& authority) const {
    const BackendTotals& of = view_.totals.backend(authority);
    const TrafficTrend trend = view_.traffic.backend(authority, view_.now, view_.totals);
    json["ejection"] = Json();
    if (of.ejecting_workers > 0) {
      json["ejection"] = {{"workers", of.ejecting_workers},
                          {"until_unix_ms", unix_ms(of.ejected_until)},
                          {"cause", to_string(of.ejected_because)},
                          {"consecutive_failures", of.consecutive_failures}};
    }
    json["in_flight"] = of.in_flight;
    json["connections"] = of.open_connections;
    json["requests_per_second"] = or_null(trend.requests_per_second);
    json["error_ratio"] = trend.counts.error_ratio();
    add_quantiles(json, trend.counts);
    json["window"] = {{"seconds", std::chrono::duration<double>(trend.window).count()},
                      {"requests", trend.counts.requests},
                      {"failed", trend.counts.failed},
                      {"retried", trend.counts.retried}};
    const TrafficCounts total = counts_of(of);
    json["total"] = {{"requests", total.requests},
                     {"failed", total.failed},
                     {"retried", total.retried},
                     {"ejections", of.ejections}};
  }

  // Backends that have left the set while requests were at them.
  Json leaving() const {
    Json json = Json::array();
    if (view_.pool == nullptr) return json;
    for (const auto& [authority, of] : view_.totals.backends) {
      if (of.in_flight <= 0 || view_.record.backends().contains(authority)) continue;
      if (json.size() < kMostBackendsListed) json.push_back({{"backend", authority}, {"in_flight", of.in_flight}});
    }
    return json;
  }

  Json limiter(const ClientLimiter& limiter) const {
    if (!limiter.enabled()) return {{"enabled", false}};
    return {{"enabled", true},
            {"rate_per_second", static_cast<double>(limiter.settings().rate_millirequests_per_second) / 1000},
            {"burst", limiter.settings().burst},
            {"tracked_clients", limiter.active_entries(view_.now)},
            {"table_entries", limiter.capacity()},
            {"table_bytes", limiter.memory_bytes()},
            {"limited_total", counts_of(view_.totals).limited},
            {"overflows_total", limiter.overflows()}};
  }

  Json registry() const {
    const RegistryRecord& registry = view_.record.registry();
    Json json = {{"address", view_.settings.registry},
                 {"reachable", registry.reachable},
                 {"last_success_unix_ms", unix_ms(registry.last_success)},
                 {"failures_total", registry.failures},
                 {"failing", Json()}};
    if (registry.failing_since) {
      json["failing"] = {{"since_unix_ms", unix_ms(registry.failing_since)},
                         {"reason", to_string(registry.reason)},
                         {"detail", registry.detail},
                         {"consecutive_failures", registry.consecutive_failures},
                         {"retry_at_unix_ms", unix_ms(registry.retry_at)}};
    }
    if (view_.pool != nullptr) {
      json["members"] = view_.pool->members;
      json["live"] = view_.pool->live.size();
      json["rejected_count"] = view_.record.rejected().size();
      json["rejected"] = Json::array();
      for (const RejectedRecord& member : view_.record.rejected()) {
        if (json["rejected"].size() == kMostBackendsListed) break;
        json["rejected"].push_back({{"member", member.text}, {"why", member.why}});
      }
    } else {
      json["lease_ttl_seconds"] = std::chrono::duration<double>(view_.settings.lease_ttl).count();
      json["last_write_unix_ms"] = unix_ms(registry.last_write);
      json["members_added_total"] = registry.added;
      json["members_removed_total"] = registry.removed;
    }
    return json;
  }

  // The latest first.
  Json notices() const {
    Json json = Json::array();
    const auto& notices = view_.record.notices().all();
    for (auto notice = notices.rbegin(); notice != notices.rend(); ++notice) {
      json.push_back({{"at_unix_ms", unix_ms(notice->at)},
                      {"level", to_string(notice->level)},
                      {"what", notice->what},
                      {"subject", notice->subject},
                      {"why", notice->why},
                      {"count", notice->count}});
    }
    return json;
  }

  const StatusView& view_;
  const TrafficTrend all_;
};

}  // namespace

std::string_view to_string(BackendState state) {
  switch (state) {
    case BackendState::up: return "up";
    case BackendState::ejected: return "ejected";
    case BackendState::unverified: return "unverified";
    case BackendState::waiting: return "waiting";
    case BackendState::down: return "down";
  }
  return "waiting";
}

BackendState backend_state(const StatusView& view, const std::string& authority, const BackendRecord& record) {
  if (record.verdict == Verdict::down) return BackendState::down;
  if (view.pool == nullptr) return record.verdict == Verdict::up ? BackendState::up : BackendState::waiting;
  const auto& live = view.pool->live;
  const auto at = std::lower_bound(
      live.begin(), live.end(), authority,
      [](const LiveBackend& backend, const auto& name) { return backend.endpoint.authority() < name; });
  if (at == live.end() || at->endpoint.authority() != authority) return BackendState::waiting;
  if (view.totals.backend(authority).ejecting_workers > 0) return BackendState::ejected;
  return record.verdict == Verdict::up ? BackendState::up : BackendState::unverified;
}

std::string status_json(const StatusView& view) { return StatusJson(view).text(); }

}  // namespace gopher
