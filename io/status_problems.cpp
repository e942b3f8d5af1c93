#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "io/status_json.h"

namespace gopher {
namespace {

constexpr double kWorthTelling = 0.01;  // of the admitted requests
constexpr double kBad = 0.1;
constexpr double kNearlyFull = 0.9;

std::string percent(double ratio) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", ratio * 100);
  return text.data();
}

void find_of_registry(const StatusView& view, std::vector<Problem>& problems) {
  const RegistryRecord& registry = view.record.registry();
  if (registry.failing_since) {
    problems.push_back({.level = registry.last_success ? NoticeLevel::warning : NoticeLevel::bad,
                        .what = "registry cannot be reached",
                        .subject = view.settings.registry,
                        .why = std::string(to_string(registry.reason)),
                        .since = registry.failing_since});
  }
  for (const RejectedRecord& member : view.record.rejected())
    problems.push_back({NoticeLevel::warning, "member of the set cannot be read", member.text, member.why});
}

void find_of_backends(const StatusView& view, std::vector<Problem>& problems) {
  if (view.pool != nullptr && view.pool->live.empty() && view.record.registry().last_success)
    problems.push_back({.level = NoticeLevel::bad, .what = "no backend takes requests: every request gets 503"});
  for (const auto& [authority, record] : view.record.backends()) {
    const auto add = [&](NoticeLevel level, std::string_view what, std::string_view why) {
      problems.push_back({level, what, authority, std::string(why), record.since});
    };
    const std::string_view reason = record.reason_known ? to_string(record.reason) : std::string_view();
    switch (backend_state(view, authority, record)) {
      case BackendState::up: break;
      case BackendState::ejected:
        add(NoticeLevel::bad, "backend is ejected", to_string(view.totals.backend(authority).ejected_because));
        problems.back().since.reset();  // an ejection is shown by its end
        break;
      case BackendState::unverified: add(NoticeLevel::warning, "backend cannot be probed", reason); break;
      case BackendState::waiting: add(NoticeLevel::warning, "backend is not judged yet", reason); break;
      case BackendState::down: add(NoticeLevel::bad, "backend is down", reason); break;
    }
  }
}

void find_of_traffic(const StatusView& view, std::vector<Problem>& problems) {
  const double ratio = view.traffic.all(view.now, view.totals).counts.error_ratio();
  if (ratio >= kWorthTelling) {
    problems.push_back({.level = ratio >= kBad ? NoticeLevel::bad : NoticeLevel::warning,
                        .what = "requests fail",
                        .subject = {},
                        .why = percent(ratio) + " within the last minute"});
  }
  const ClientLimiter* const limiter = view.settings.limiter;
  if (limiter == nullptr || !limiter->enabled()) return;
  const double full = static_cast<double>(limiter->active_entries(view.now)) / static_cast<double>(limiter->capacity());
  if (full >= kNearlyFull) {
    problems.push_back({.level = NoticeLevel::warning,
                        .what = "limiter's table is nearly full: clients begin to share buckets",
                        .subject = {},
                        .why = percent(full)});
  }
}

}  // namespace

std::vector<Problem> find_problems(const StatusView& view) {
  std::vector<Problem> problems;
  find_of_backends(view, problems);
  find_of_traffic(view, problems);
  find_of_registry(view, problems);
  // std::stable_sort of libstdc++ 12 is made of what clang 19 refuses as deprecated.
  std::vector<Problem> worst_first;
  for (const auto level : {NoticeLevel::bad, NoticeLevel::warning, NoticeLevel::info}) {
    for (auto& problem : problems)
      if (problem.level == level) worst_first.push_back(std::move(problem));
  }
  problems = std::move(worst_first);
  if (problems.size() > kMostProblems) {
    const std::size_t more = problems.size() - kMostProblems + 1;
    problems.resize(kMostProblems - 1);
    problems.push_back({.level = NoticeLevel::info, .what = "and more", .subject = {}, .why = std::to_string(more)});
  }
  return problems;
}

}  // namespace gopher
