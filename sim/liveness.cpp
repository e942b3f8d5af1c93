#include "sim/liveness.h"

#include <algorithm>
#include <map>
#include <set>

#include "sim/expectations.h"

namespace gopher::sim {

namespace {

constexpr Duration kAskEvery = std::chrono::seconds(1);
constexpr std::string_view kNotInRegistry = " is up, but not in the registry";
constexpr std::string_view kStillInRegistry = " is down, but in the registry";
constexpr std::string_view kStillBalances = " still balances over ";
constexpr std::string_view kDoesNotBalance = " does not balance over ";
constexpr std::string_view kLastRequest = "the last request to ";
constexpr Duration kProbePatience = std::chrono::seconds(5);

// The last answer that each probing group got.
class ProbeAnswers final : public WorldListener {
 public:
  void on(Instant, const WorldEvent& event) override {
    const auto* ended = std::get_if<RequestEnded>(&event);
    if (ended && ended->clients.starts_with(kProbeClients)) status_[std::string(ended->clients)] = ended->status;
  }
  int status(const std::string& group) const {
    const auto found = status_.find(group);
    return found == status_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, int> status_;
};

std::string group_of(const SimProxy& proxy) { return std::string(kProbeClients) + proxy.name(); }

// What the proxies still owe an answer of the right kind to.
std::string unanswered(const World& world, const ProbeAnswers& answers) {
  for (const auto& proxy : world.proxies) {
    if (!proxy->running()) continue;
    const int status = answers.status(group_of(*proxy));
    const bool good = proxy->live().empty() ? status == 503 : status == 200;
    if (!good)
      return std::string(kLastRequest) + proxy->name() + " got " + (status ? std::to_string(status) : "nothing");
  }
  return {};
}

}  // namespace

void add_probe_clients(WorldSettings& settings) {
  for (const auto& proxy : settings.proxies) {
    WorldSettings::Clients group;
    group.name = std::string(kProbeClients) + proxy.name;
    group.proxies = {proxy.name};
    group.start = Duration(0);
    // Shared address space (RFC 6598), where no scenario's clients are: a fresh address for each request, so that the
    // limiter has no say.
    group.settings.first_address = IpAddress::v4({100, 64, 0, 1});
    group.settings.addresses = 1'000'000;
    group.settings.keep_alive = false;
    group.settings.patience = kProbePatience;
    settings.clients.push_back(std::move(group));
  }
}

std::string disagreement(const World& world) {
  const auto up = world.backends_up();
  const auto members = world.registry_members();
  // Whatever its spelling.
  std::set<std::string> named;
  for (const auto& member : members) {
    std::string why_not;
    if (const auto endpoint = Endpoint::parse_member(member, why_not)) named.insert(endpoint->authority());
  }
  const auto is_member = [&named](const std::string& authority) { return named.contains(authority); };
  std::set<std::string> targets;
  for (const auto& sentinel : world.sentinels) {
    if (!sentinel->running()) continue;
    for (const auto& target : sentinel->settings().targets)
      targets.insert(target.authority());
  }
  for (const auto& target : targets) {
    const bool live = std::ranges::count(up, target) > 0;
    if (live != is_member(target)) return target + std::string(live ? kNotInRegistry : kStillInRegistry);
  }
  for (const auto& proxy : world.proxies) {
    if (!proxy->running()) continue;
    const auto live = proxy->live();
    for (const auto& backend : world.backends) {
      const auto authority = backend->authority();
      const bool should = is_member(authority) && std::ranges::count(up, authority) > 0;
      const bool does = std::ranges::count(live, authority) > 0;
      if (should != does) return proxy->name() + std::string(does ? kStillBalances : kDoesNotBalance) + authority;
    }
  }
  return {};
}

std::string kind_of_disagreement(std::string_view missing) {
  for (const auto words : {kNotInRegistry, kStillInRegistry, kStillBalances, kDoesNotBalance, kLastRequest})
    if (missing.find(words) != std::string_view::npos) return std::string(words);
  return "other";
}

std::string await_liveness(World& world, Duration deadline) {
  ProbeAnswers answers;
  world.add_listener(answers);
  const auto ask = [&world] {
    for (const auto& proxy : world.proxies)
      if (proxy->running()) world.clients_of(group_of(*proxy))->burst(1);
  };
  std::string missing;
  for (;;) {
    missing = disagreement(world);
    const Duration patience = missing.empty() ? kProbePatience : Duration(0);
    if (missing.empty()) missing = unanswered(world, answers);
    if (missing.empty() || world.now() >= deadline + patience) break;
    ask();
    world.run_until(world.now() + kAskEvery);
  }
  world.remove_listener(answers);
  return missing;
}

}  // namespace gopher::sim
