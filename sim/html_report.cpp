#include "sim/html_report.h"

#include <algorithm>
#include <concepts>
#include <string_view>

#include "core/async/check.h"
#include "sim/json_text.h"
#include "sim/report_page.h"

namespace gopher::sim {

namespace {

// Writes JSON in the order of its calls; what closes is the caller's to say.
class Json {
 public:
  Json& open(char bracket) {
    comma();
    text_.push_back(bracket);
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text_.push_back(bracket);
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    value(name);
    text_.push_back(':');
    first_ = true;
    return *this;
  }
  Json& value(std::string_view text) {
    comma();
    append_json(text_, text);
    return *this;
  }
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(std::integral auto number) {
    comma();
    if constexpr (std::same_as<decltype(number), bool>)
      text_.append(number ? "true" : "false");
    else
      text_.append(std::to_string(number));
    return *this;
  }
  Json& value(Duration duration) { return value(duration.count()); }
  Json& null() {
    comma();
    text_.append("null");
    return *this;
  }
  template <class Value>
  Json& field(std::string_view name, const Value& of) {
    key(name);
    return value(of);
  }
  std::string take() { return std::move(text_); }

 private:
  void comma() {
    if (!first_) text_.push_back(',');
    first_ = false;
  }
  std::string text_;
  bool first_ = true;
};

std::string hex(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4)
    text[i] = "0123456789abcdef"[value & 15];
  return text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
}

// As a shell takes it.
std::string quoted(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./-").find(c) != std::string_view::npos;
  };
  if (std::ranges::all_of(text, plain) && !text.empty()) return text;
  std::string quote = "'";
  for (const char c : text)
    quote += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quote + '\'';
}

void write_run(Json& json, const Scenario& scenario, std::uint64_t seed, const RunReport& report) {
  json.field("file", scenario.file).field("story", scenario.story).field("mustFail", scenario.must_fail);
  json.field("seed", std::to_string(seed)).field("hash", hex(report.trace_hash)).field("passed", report.passed);
  json.field("command", "gopher-sim run " + quoted(scenario.file) + " --seed " + std::to_string(seed));
  json.field("duration", scenario.duration).field("simulated", report.simulated).field("requests", report.requests);
  json.key("failures").open('[');
  for (const auto& failure : report.failures)
    json.open('{').field("at", failure.at).field("kind", failure.kind).field("what", failure.what).close('}');
  json.close(']');
  json.key("backends").open('[');
  for (const auto& each : scenario.world.backends)
    json.value(each.name);
  json.close(']');
  json.key("limiterOff").open('[');
  for (const auto& each : scenario.world.proxies)
    if (each.settings.limiter.rate_millirequests_per_second == 0) json.value(each.name);
  json.close(']');
}

void write_events(Json& json, const RunRecord& record) {
  json.key("events").open('[');
  for (const auto& event : record.events) {
    json.open('{').field("at", event.at).field("last", event.last).field("kind", to_string(event.kind));
    json.field("count", event.count).field("process", event.process).field("backend", event.backend);
    json.field("what", event.what).key("causes").open('[');
    for (const EventId cause : event.causes)
      json.value(cause);
    json.close(']').close('}');
  }
  json.close(']');
}

void write_lanes(Json& json, const RunRecord& record) {
  json.key("groups").open('[');
  for (const auto& group : record.groups) {
    json.open('{').field("name", group.name).key("lanes").open('[');
    for (const auto& lane : group.lanes) {
      json.open('{').field("viewer", to_string(lane.viewer)).field("name", lane.name).key("changes").open('[');
      for (const auto& change : lane.changes) {
        json.open('[').value(change.at).value(to_string(change.state));
        if (change.event == kNoEvent)
          json.null();
        else
          json.value(change.event);
        json.close(']');
      }
      json.close(']').close('}');
    }
    json.close(']').close('}');
  }
  json.close(']');
}

void write_bands(Json& json, const RunRecord& record) {
  json.key("bands").open('[');
  for (const auto& band : record.bands) {
    json.open('{').field("kind", band.kind).field("what", band.what).field("from", band.from).key("to");
    if (band.to)
      json.value(*band.to);
    else
      json.null();
    json.field("event", band.event).close('}');
  }
  json.close(']');
}

void write_counts(Json& json, std::string_view name, const BucketedCounts& counts, std::size_t columns) {
  json.key(name).open('{').field("width", counts.width()).key("rows").open('{');
  for (const auto& [of, buckets] : counts.rows()) {
    json.key(of).open('[');
    for (const auto& bucket : buckets) {
      json.open('[');
      for (std::size_t column = 0; column < columns; ++column)
        json.value(bucket[column]);
      json.close(']');
    }
    json.close(']');
  }
  json.close('}').close('}');
}

}  // namespace

std::string report_data(const Scenario& scenario, std::uint64_t seed, const RunReport& report,
                        const RunRecord& record) {
  Json json;
  json.open('{');
  write_run(json, scenario, seed, report);
  write_bands(json, record);
  write_lanes(json, record);
  write_counts(json, "outcomes", record.requests, static_cast<std::size_t>(RequestEnd::left) + 1);
  write_counts(json, "limiter", record.limiter, static_cast<std::size_t>(LimiterColumn::denied) + 1);
  write_events(json, record);
  json.key("leftOut").open('{').field("events", record.events_left_out).field("from", record.complete_until);
  json.field("backends", record.backends_left_out.size()).field("faults", record.bands_left_out).close('}');
  json.close('}');
  return json.take();
}

std::string html_report(const Scenario& scenario, std::uint64_t seed, const RunReport& report,
                        const RunRecord& record) {
  std::string page(kReportPage);
  const auto place = page.find(kReportDataPlace);
  GOPHER_CHECK(place != std::string::npos);
  page.replace(place, kReportDataPlace.size(), report_data(scenario, seed, report, record));
  return page;
}

}  // namespace gopher::sim
