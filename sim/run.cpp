#include "sim/run.h"

#include <algorithm>

#include "sim/coverage.h"
#include "sim/invariant.h"
#include "sim/ledger.h"
#include "sim/liveness.h"

namespace gopher::sim {

namespace {

class Run {
 public:
  Run(const Scenario& scenario, const RunOptions& options)
      : scenario_(scenario), recorder_(options.recorder), world_(settings_of(scenario), options.seed) {
    for (const auto& proxy : scenario.world.proxies)
      facts_.limiters[proxy.name] = proxy.settings.limiter;
    invariants_ = make_invariants(facts_, violations_);
    world_.network.tap = options.tap;
    world_.add_listener(ledger_);
    world_.add_listener(coverage_);
    for (auto& invariant : invariants_)
      world_.add_listener(*invariant);
    if (options.recorder) world_.add_listener(*options.recorder);
    if (!options.trace) return;
    world_.add_listener(*options.trace);
    world_.network.trace.hook = [trace = options.trace](const NetworkEvent& event) { trace->on_network(event); };
  }

  RunReport run() {
    world_.start();
    play();
    settle();
    world_.finish();
    const std::string left = world_.left_over();
    if (!left.empty()) fail("left over", left);
    for (auto& invariant : invariants_)
      invariant->finish(world_.clock.now());
    for (const auto& violation : violations_)
      found({violation.at - SimClock::kStart, "invariant " + violation.invariant, violation.what,
             "invariant " + violation.invariant});
    report_.marks = coverage_.reached();
    report_.simulated = world_.now();
    report_.requests = world_.requests();
    report_.events = world_.clock.events();
    report_.trace_hash = world_.trace_hash();
    report_.passed = as_it_must_be();
    return std::move(report_);
  }

 private:
  static WorldSettings settings_of(const Scenario& scenario) {
    WorldSettings settings = scenario.world;
    add_probe_clients(settings);
    return settings;
  }

  // The timeline and the expectations in the order of their times; at equal ones a fault comes before a check.
  void play() {
    auto step = scenario_.timeline.begin();
    auto check = scenario_.checks.begin();
    while (step != scenario_.timeline.end() || check != scenario_.checks.end()) {
      const bool step_first =
          check == scenario_.checks.end() || (step != scenario_.timeline.end() && step->at <= check->at);
      world_.run_until(step_first ? step->at : check->at);
      if (step_first) {
        switch_fault(*step++);
      } else {
        // A window is judged when what was sent in it has had time to end.
        if (check->kind->at_instant) {
          judge(*check);
        } else {
          windows_.push_back(&*check);
        }
        ++check;
      }
    }
    world_.run_until(scenario_.duration);
  }

  void switch_fault(const Scenario::Step& step) {
    using Change = FaultSwitched::Change;
    std::vector<std::string> nodes;
    if (step.kind->operand != Operand::value) nodes = expand(world_, step.fields.names(step.kind->name));
    const Change change = step.undo ? Change::ends : step.kind->undo ? Change::begins : Change::passes;
    world_.tell(FaultSwitched{step.text, change, step.kind->name, nodes});
    if (!step.undo) coverage_.fault(step.kind->name);
    (step.undo ? step.kind->undo : step.kind->apply)(world_, *step.kind, step.fields);
    last_fault_ = step.at;
  }

  void judge(const Scenario::Check& check) {
    const auto why_not =
        check.kind->judge(world_, ledger_, check.fields, SimClock::kStart + check.from, SimClock::kStart + check.at);
    if (!why_not) return;
    const auto line = std::to_string(check.fields.place.line);
    found({check.at, "expectation", scenario_.file + ':' + line + ": " + *why_not, "expectation " + check.text});
  }

  void settle() {
    if (scenario_.liveness) {
      const std::string missing = await_liveness(world_, std::max(scenario_.duration, last_fault_ + scenario_.settle));
      if (!missing.empty()) found({world_.now(), "liveness", missing, "liveness: " + kind_of_disagreement(missing)});
    }
    // Requests under way at the end of a window still count: they get the time that they take.
    for (auto& group : world_.clients)
      group->stop();
    const auto ended = [this] {
      return std::ranges::all_of(world_.clients, [](const auto& group) { return group->under_way() == 0; });
    };
    world_.clock.run_until(ended, world_.clock.now() + std::chrono::minutes(5));
    for (const auto* check : windows_)
      judge(*check);
  }

  void fail(const std::string& kind, std::string what) { found({world_.now(), kind, std::move(what), kind}); }
  void found(Failure failure) {
    if (recorder_) recorder_->failed(failure.at, failure.kind, failure.what);
    report_.failures.push_back(std::move(failure));
  }

  bool as_it_must_be() {
    if (scenario_.must_fail.empty()) return report_.failures.empty();
    return std::ranges::any_of(report_.failures, [this](const Failure& failure) {
      return (failure.kind + ": " + failure.what).find(scenario_.must_fail) != std::string::npos;
    });
  }

  const Scenario& scenario_;
  RunRecorder* const recorder_;
  RunReport report_;
  Ledger ledger_;
  Coverage coverage_;
  InvariantFacts facts_;
  std::vector<Violation> violations_;
  std::vector<std::unique_ptr<Invariant>> invariants_;
  std::vector<const Scenario::Check*> windows_;
  Duration last_fault_{0};
  // Last, so that it ends before those that hear it.
  World world_;
};

}  // namespace

RunReport run_scenario(const Scenario& scenario, const RunOptions& options) { return Run(scenario, options).run(); }

}  // namespace gopher::sim
