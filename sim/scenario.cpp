#include "sim/scenario.h"

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include "sim/http_text.h"
#include "sim/settings_tables.h"

namespace gopher::sim {

namespace {

using enum ValueKind;

constexpr KeySpec kScenarioKeys[] = {
    {"story", text, "What happens, and what it protects.", true},
    {"seed", count, "Of all chance; the command line may give another. 1 unless given."},
    {"duration", duration, "How long clients keep asking.", true},
    {"settle", duration, "Within which everything must agree again after the last fault. 60s unless given."},
    {"liveness", flag, "no: the faults of this scenario do not end, so agreement is not asked for."},
    {"must_fail", text, "The run must fail, and a failure must say this."},
};
constexpr std::string_view kParts[] = {"world", "timeline", "expect"};
constexpr std::string_view kWorldParts[] = {"backends", "sentinels", "proxies", "clients", "link", "members"};

constexpr KeySpec kStepKeys[] = {
    {"at", duration, "When, from the start.", true},
    {"for", duration, "Is undone after this."},
    {"every", duration, "Happens again after this, `times` times in all."},
    {"times", count, "How often it happens."},
};
constexpr KeySpec kInstantCheckKeys[] = {{"at", duration, "When it must be so.", true}};
constexpr KeySpec kWindowCheckKeys[] = {
    {"from", duration, "Begin of the window; the start unless given."},
    {"to", duration, "End of the window; the scenario's end unless given."},
};

// Names of what the world has, for checking and for the nearest right one.
struct Names {
  std::set<std::string, std::less<>> backends, sentinels, proxies, clients;

  bool taken(std::string_view name) const {
    return name == World::kRedis || name == "backends" || name == "proxies" || name == "sentinels" ||
           name.starts_with(kProbeClients) || backends.contains(name) || sentinels.contains(name) ||
           proxies.contains(name) || clients.contains(name);
  }
};

class Reader {
 public:
  std::expected<Scenario, std::vector<Diagnostic>> read(const YamlNode& root, std::string file) {
    scenario_.file = std::move(file);
    YamlNode plain = root;
    for (std::size_t i = plain.entries.size(); i-- > 0;) {
      if (std::ranges::count(kParts, plain.entries[i].key) == 0) continue;
      plain.entries.erase(plain.entries.begin() + static_cast<std::ptrdiff_t>(i));
      plain.key_places.erase(plain.key_places.begin() + static_cast<std::ptrdiff_t>(i));
    }
    // The parts are known keys too, so that a misspelt one finds them.
    for (const auto part : kParts)
      top_keys_.push_back({part, text, "", false});
    const auto fields = read_fields(plain, kScenarioKeys, top_keys_, "a scenario", complaints_);
    scenario_.story = fields.text("story");
    scenario_.must_fail = fields.text("must_fail");
    scenario_.seed = fields.number("seed", 1);
    scenario_.duration = fields.duration("duration");
    scenario_.settle = fields.duration("settle", scenario_.settle);
    scenario_.liveness = fields.number("liveness", 1) != 0;
    if (const auto* world = root.find("world")) {
      read_world(*world);
    } else if (root.kind == YamlNode::Kind::map) {
      complaints_.add(root.place, "a scenario wants the key \"world\"");
    }
    if (const auto* timeline = root.find("timeline"))
      for_each_item(*timeline, "a timeline", [this](const YamlNode& item) { read_step(item); });
    if (const auto* expect = root.find("expect"))
      for_each_item(*expect, "the expectations", [this](const YamlNode& item) { read_check(item); });
    // std::stable_sort of libstdc++ 12 is made of what clang 19 refuses as deprecated.
    const auto in_order = [](auto& entries) {
      using Entry = std::remove_reference_t<decltype(entries)>::value_type;
      std::multimap<Duration, Entry> by_time;
      for (auto& entry : entries)
        by_time.emplace(entry.at, std::move(entry));
      entries.clear();
      for (auto& [at, entry] : by_time)
        entries.push_back(std::move(entry));
    };
    in_order(scenario_.timeline);
    in_order(scenario_.checks);
    if (!complaints_.all().empty()) return std::unexpected(complaints_.all());
    return std::move(scenario_);
  }

 private:
  template <class Act>
  void for_each_item(const YamlNode& list, std::string_view what, Act act) {
    if (list.kind == YamlNode::Kind::null) return;
    if (list.kind != YamlNode::Kind::list) {
      complaints_.add(list.place, std::string(what) + " is a list: each entry begins with \"- \"");
      return;
    }
    for (const auto& item : list.items)
      act(item);
  }

  void read_world(const YamlNode& world) {
    if (world.kind != YamlNode::Kind::map) {
      complaints_.add(world.place, "a world has backends, sentinels, proxies and clients");
      return;
    }
    for (std::size_t i = 0; i < world.entries.size(); ++i) {
      const auto& name = world.entries[i].key;
      if (std::ranges::count(kWorldParts, name) == 0)
        complaints_.add(world.key_places[i],
                        unknown("key", name, {std::begin(kWorldParts), std::end(kWorldParts)}, "a world"));
    }
    WorldSettings& to = scenario_.world;
    if (const auto* link = world.find("link"))
      apply(read_fields(*link, link_keys(), {}, "a link", complaints_), to.link);
    if (const auto* members = world.find("members")) {
      if (auto value = read_value(*members, names, "members", complaints_)) to.members = value->names;
    }
    read_kind(world, "backends", backend_keys(), to.backends, names_.backends);
    read_kind(world, "sentinels", sentinel_keys(), to.sentinels, names_.sentinels);
    read_kind(world, "proxies", proxy_keys(), to.proxies, names_.proxies);
    // Clients come from the documentation's addresses (RFC 5737), each group from its own.
    read_kind(world, "clients", client_keys(), to.clients, names_.clients);
    if (to.backends.empty()) complaints_.add(world.place, "a world wants at least one of its backends");
    if (to.proxies.empty()) complaints_.add(world.place, "a world wants at least one of its proxies");
  }

  template <class Spec>
  void read_kind(const YamlNode& world, std::string_view part, std::span<const KeySpec> keys, std::vector<Spec>& to,
                 std::set<std::string, std::less<>>& known) {
    const auto* list = world.find(part);
    if (!list) return;
    for_each_item(*list, part, [&](const YamlNode& item) {
      const auto fields = read_fields(item, naming_keys(), keys, "one of " + std::string(part), complaints_);
      if (!fields.has("name")) return;
      const std::uint64_t many = fields.number("count", 1);
      if (many < 1 || many > 4096) {
        complaints_.add(fields.find("count")->place, "\"count\" is 1 to 4096");
        return;
      }
      for (std::uint64_t i = 1; i <= many; ++i) {
        Spec spec = made(fields, to);
        spec.name = fields.has("count") ? fields.text("name") + std::to_string(i) : fields.text("name");
        std::string why_not;
        if (!Endpoint::parse_authority(spec.name + ":1", why_not))
          complaints_.add(fields.find("name")->place, '"' + spec.name + "\" can be no host's name");
        if (names_.taken(spec.name))
          complaints_.add(fields.find("name")->place, "the name \"" + spec.name + "\" is taken");
        known.insert(spec.name);
        to.push_back(std::move(spec));
      }
    });
  }

  WorldSettings::Backend made(const Fields& fields, const std::vector<WorldSettings::Backend>&) {
    WorldSettings::Backend spec;
    apply(fields, spec.settings);
    return spec;
  }
  WorldSettings::Sentinel made(const Fields& fields, const std::vector<WorldSettings::Sentinel>&) {
    WorldSettings::Sentinel spec;
    apply(fields, spec.settings);
    spec.targets = checked(fields, "targets", "backend", names_.backends);
    return spec;
  }
  WorldSettings::Proxy made(const Fields& fields, const std::vector<WorldSettings::Proxy>&) {
    WorldSettings::Proxy spec;
    apply(fields, spec.settings);
    const auto& limiter = spec.settings.limiter;
    if (limiter.burst < 1 || limiter.burst > 1'000'000)
      complaints_.add(fields.find("limiter_burst")->place, "\"limiter_burst\" is 1 to 1000000");
    if (spec.settings.workers < 1 || spec.settings.workers > 64)
      complaints_.add(fields.find("workers")->place, "\"workers\" is 1 to 64");
    if (limiter.ipv6_prefix_bits < 1 || limiter.ipv6_prefix_bits > 128)
      complaints_.add(fields.find("ipv6_prefix")->place, "\"ipv6_prefix\" is 1 to 128");
    return spec;
  }
  WorldSettings::Clients made(const Fields& fields, const std::vector<WorldSettings::Clients>& before) {
    WorldSettings::Clients spec;
    spec.settings.first_address = IpAddress::v4({198, 18, static_cast<std::uint8_t>(before.size()), 1});
    apply(fields, spec.settings);
    spec.proxies = checked(fields, "proxies", "proxy", names_.proxies);
    spec.start = fields.duration("start", spec.start);
    check_workload(fields, spec.settings);
    return spec;
  }

  // Keys that would have no effect beside each other are a mistake.
  void check_workload(const Fields& fields, const ClientSettings& settings) {
    const auto only = [&](bool good, std::string_view keys, std::initializer_list<std::string_view> refused) {
      for (const auto key : refused)
        if (!good && fields.has(key))
          complaints_.add(fields.find(key)->place, '"' + std::string(key) + "\" has no effect " + std::string(keys));
    };
    if (settings.pipeline > ClientSettings::kMostPipelined)
      complaints_.add(fields.find("pipeline")->place, "\"pipeline\" is 1 to 1000");
    only(settings.pipeline == 1, "beside \"pipeline\"",
         {"bad", "aborts", "abort_in_body", "expect_continue", "traffic"});
    only(settings.traffic == Traffic::requests, "on other \"traffic\" than requests",
         {"body", "method", "chunked", "expect_continue", "bad", "aborts", "abort_in_body"});
    only(settings.traffic != Traffic::requests, "on \"traffic\" that are requests", {"stay"});
    only(settings.traffic == Traffic::websocket, "on other \"traffic\" than websocket", {"message", "message_every"});
    for (const auto& method : settings.methods)
      if (!is_method(method))
        complaints_.add(fields.find("method")->place, '"' + method + "\" is no method that a target can have");
  }

  std::vector<std::string> checked(const Fields& fields, std::string_view key, std::string_view what,
                                   const std::set<std::string, std::less<>>& known) {
    for (const auto& name : fields.names(key)) {
      if (known.contains(name)) continue;
      complaints_.add(fields.find(key)->place, unknown(what, name, {known.begin(), known.end()}));
    }
    return fields.names(key);
  }

  // The kind that one of the keys of an entry names.
  template <class Kind>
  const Kind* kind_of(const YamlNode& item, std::span<const Kind> kinds,
                      std::initializer_list<std::span<const KeySpec>> own, std::string_view what) {
    if (item.kind != YamlNode::Kind::map) {
      complaints_.add(item.place, "here belong keys and values");
      return nullptr;
    }
    std::vector<std::string_view> known;
    for (const auto& kind : kinds)
      known.push_back(kind.name);
    for (const auto& [key, value] : item.entries)
      for (const auto& kind : kinds)
        if (kind.name == key) return &kind;
    for (std::size_t i = 0; i < item.entries.size(); ++i) {
      const auto& key = item.entries[i].key;
      const bool ours = std::ranges::any_of(own, [&](std::span<const KeySpec> keys) {
        return std::ranges::any_of(keys, [&](const KeySpec& each) { return each.name == key; });
      });
      if (ours) continue;
      complaints_.add(item.key_places[i], unknown(what, key, known));
      return nullptr;
    }
    complaints_.add(item.place, "which " + std::string(what) + "? " + unknown(what, "", known));
    return nullptr;
  }

  void read_step(const YamlNode& item) {
    const auto* kind = kind_of(item, fault_kinds(), {step_keys()}, "fault");
    if (!kind) return;
    std::vector<KeySpec> keys(kind->keys.begin(), kind->keys.end());
    keys.push_back({kind->name, kind->value, kind->sentence, true});
    Scenario::Step step;
    step.kind = kind;
    step.fields = read_fields(item, kStepKeys, keys, "the fault " + std::string(kind->name), complaints_);
    if (!step.fields.has(kind->name) || !step.fields.has("at")) return;
    check_operand(*kind, step.fields);
    for (const auto& key : kind->keys)
      if (key.kind == name) check_node(step.fields, key.name);
    step.at = step.fields.duration("at");
    step.text = text_of(kind->name, step.fields);
    const auto times = step.fields.number("times", 1);
    const auto every = step.fields.duration("every");
    if (step.fields.has("times") != step.fields.has("every"))
      complaints_.add(item.place, "\"every\" and \"times\" belong together");
    const bool undone = step.fields.has("for");
    if (undone && !kind->undo)
      complaints_.add(step.fields.find("for")->place, std::string(kind->name) + " is over at once and has no \"for\"");
    if (kind->name == "burst" && step.fields.number("count") > 1'000'000)
      complaints_.add(step.fields.find("count")->place, "\"count\" of a burst is at most 1000000");
    if (kind->name == "clock_drift" && step.fields.number("by") > 500)
      complaints_.add(step.fields.find("by")->place, "\"by\" of a drift is at most 50%");
    if (!undone && kind->wants_for) complaints_.add(item.place, std::string(kind->name) + " wants a \"for\"");
    if (times + scenario_.timeline.size() > Scenario::kMaxSteps) {
      complaints_.add(item.place, "more steps than a timeline may have");
      return;
    }
    for (std::uint64_t i = 0; i < times; ++i) {
      scenario_.timeline.push_back(step);
      if (undone) {
        Scenario::Step end = step;
        end.undo = true;
        end.at += step.fields.duration("for");
        end.text = "end of " + step.text;
        scenario_.timeline.push_back(std::move(end));
      }
      step.at += every;
    }
    const Duration last = step.at - every + step.fields.duration("for");
    if (last > scenario_.duration) complaints_.add(item.place, "this is not over before the scenario's duration is");
  }

  void check_node(const Fields& fields, std::string_view key) {
    if (!fields.has(key)) return;
    std::vector<std::string_view> known{World::kRedis, "none"};
    for (const auto* names : {&names_.backends, &names_.proxies, &names_.sentinels, &names_.clients})
      known.insert(known.end(), names->begin(), names->end());
    const auto& value = *fields.find(key);
    if (std::ranges::count(known, value.text) == 0) complaints_.add(value.place, unknown("name", value.text, known));
  }

  void check_operand(const FaultKind& kind, const Fields& fields) {
    const auto& value = *fields.find(kind.name);
    std::set<std::string, std::less<>> known;
    const auto take = [&known](const auto& more) { known.insert(more.begin(), more.end()); };
    switch (kind.operand) {
      case Operand::value: return;
      case Operand::clients: take(names_.clients); break;
      case Operand::backends:
        take(names_.backends);
        known.insert("backends");
        break;
      case Operand::nodes:
      case Operand::pair:
      case Operand::hosts: take(names_.clients); [[fallthrough]];
      case Operand::processes:
        take(names_.backends);
        take(names_.proxies);
        take(names_.sentinels);
        known.insert(std::string(World::kRedis));
        if (kind.operand != Operand::pair) known.insert({"backends", "proxies", "sentinels"});
        break;
    }
    for (const auto& name : value.names)
      if (!known.contains(name)) complaints_.add(value.place, unknown("name", name, {known.begin(), known.end()}));
    if (kind.operand == Operand::pair && (value.names.size() != 2 || value.names[0] == value.names[1]))
      complaints_.add(value.place, '"' + std::string(kind.name) + "\" wants two nodes: [p1, b1]");
  }

  void read_check(const YamlNode& item) {
    const auto* kind = kind_of(item, expectation_kinds(), {instant_check_keys(), window_check_keys()}, "expectation");
    if (!kind) return;
    std::vector<KeySpec> keys(kind->keys.begin(), kind->keys.end());
    keys.push_back({kind->name, kind->value, kind->sentence, true});
    Scenario::Check check;
    check.kind = kind;
    const auto own = kind->at_instant ? instant_check_keys() : window_check_keys();
    check.fields = read_fields(item, own, keys, "the expectation " + std::string(kind->name), complaints_);
    if (!check.fields.has(kind->name)) return;
    check_words(*kind, check.fields);
    check.at = check.fields.duration(kind->at_instant ? "at" : "to", scenario_.duration);
    check.from = check.fields.duration("from");
    check.text = text_of(kind->name, check.fields);
    if (check.at > scenario_.duration) complaints_.add(item.place, "this lies after the scenario's end");
    scenario_.checks.push_back(std::move(check));
  }

  // Words of a fixed list: a misspelt one would make an expectation that nothing ever fits.
  void check_words(const ExpectationKind& kind, const Fields& fields) {
    const auto check_word = [&](std::string_view key, const std::vector<std::string_view>& known) {
      const auto* value = fields.find(key);
      if (value && std::ranges::count(known, value->text) == 0)
        complaints_.add(value->place, unknown(key, value->text, known));
    };
    std::vector<std::string_view> outcomes;
    for (std::size_t i = 0; i < kOutcomeCount; ++i)
      outcomes.push_back(to_string(static_cast<Outcome>(i)));
    check_word("outcome", outcomes);
    std::vector<std::string_view> causes;
    for (std::size_t i = 0; i < kCauseCount; ++i)
      causes.push_back(to_string(static_cast<Cause>(i)));
    check_word("cause", causes);
    check_word("event", event_names());
    if (kind.name == "requests" && fields.has("of")) checked(fields, "of", "client group", names_.clients);
    if (fields.has("backend")) checked(fields, "backend", "backend", names_.backends);
    if (kind.name == "live" && fields.has("of")) checked(fields, "of", "proxy", names_.proxies);
    if (kind.value == names) {
      auto known = names_.backends;
      known.insert({"backends", "none"});
      for (const auto& name : fields.names(kind.name))
        if (!known.contains(name) && name.find(':') == std::string::npos)
          complaints_.add(fields.find(kind.name)->place, unknown("backend", name, {known.begin(), known.end()}));
    }
  }

  static std::string text_of(std::string_view kind, const Fields& fields) {
    const auto& value = *fields.find(kind);
    std::string text(kind);
    if (value.names.empty()) return text + ' ' + value.text;
    for (const auto& name : value.names)
      text += ' ' + name;
    return text;
  }

  Scenario scenario_;
  Names names_;
  Complaints complaints_;
  std::vector<KeySpec> top_keys_;
};

}  // namespace

std::span<const KeySpec> scenario_keys() noexcept { return kScenarioKeys; }
std::span<const KeySpec> step_keys() noexcept { return kStepKeys; }
std::span<const KeySpec> instant_check_keys() noexcept { return kInstantCheckKeys; }
std::span<const KeySpec> window_check_keys() noexcept { return kWindowCheckKeys; }

std::expected<Scenario, std::vector<Diagnostic>> read_scenario(const std::string& text, std::string file) {
  const auto tree = parse_yaml(text);
  if (!tree) return std::unexpected(std::vector{tree.error()});
  if (tree->kind != YamlNode::Kind::map)
    return std::unexpected(std::vector{Diagnostic{tree->place, "a scenario begins with keys such as \"story:\""}});
  return Reader().read(*tree, std::move(file));
}

}  // namespace gopher::sim
