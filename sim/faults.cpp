#include "sim/faults.h"

#include <algorithm>

#include "core/async/check.h"
#include "sim/settings_tables.h"

namespace gopher::sim {

namespace {

constexpr KeySpec kCountKey[] = {{"count", ValueKind::count, "How many.", true}};

std::vector<std::string> named(const World& world, const FaultKind& kind, const Fields& fields) {
  return expand(world, fields.names(kind.name));
}

void start(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    if (name == World::kRedis) {
      world.redis->start();
    } else {
      world.start_process(*world.process(name));
    }
  }
}
void crash(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    if (name == World::kRedis) {
      world.redis->stop();
    } else {
      world.process(name)->crash();
    }
  }
}
void stop(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    if (name == World::kRedis) {
      world.redis->stop();
    } else {
      world.process(name)->stop();
    }
  }
}
void pause(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    if (name == World::kRedis) {
      world.node(name)->clock().freeze();
    } else {
      world.process(name)->pause();
    }
  }
}
void resume(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    if (name == World::kRedis) {
      world.node(name)->clock().thaw();
    } else {
      world.process(name)->resume();
    }
  }
}

constexpr KeySpec kJumpKeys[] = {{"by", ValueKind::duration, "How far.", true},
                                 {"back", ValueKind::flag, "Into the past."}};
void jump_clocks(World& world, const FaultKind& kind, const Fields& fields, bool back) {
  const Duration by = fields.duration("by");
  for (const auto& name : named(world, kind, fields))
    world.node(name)->clock().jump_wall(back ? -by : by);
}
void clock_jump(World& world, const FaultKind& kind, const Fields& fields) {
  jump_clocks(world, kind, fields, fields.number("back") != 0);
}
void clock_jump_back(World& world, const FaultKind& kind, const Fields& fields) {
  jump_clocks(world, kind, fields, fields.number("back") == 0);
}
constexpr KeySpec kDriftKeys[] = {{"by", ValueKind::share, "So much fast, at most 50%.", true},
                                  {"back", ValueKind::flag, "Slow instead."}};
void clock_drift(World& world, const FaultKind& kind, const Fields& fields) {
  const auto ppm =
      std::min<std::int64_t>(static_cast<std::int64_t>(fields.number("by")) * 1000, NodeClock::kMaxDriftPpm);
  for (const auto& name : named(world, kind, fields))
    world.node(name)->clock().set_drift(fields.number("back") ? -ppm : ppm);
}
void clock_steady(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields))
    world.node(name)->clock().set_drift(0);
}

struct Pair {
  SimNode& a;
  SimNode& b;
};
Pair pair(World& world, const FaultKind& kind, const Fields& fields) {
  const auto& names = fields.names(kind.name);
  return {*world.node(names[0]), *world.node(names[1])};
}
void partition(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.partition(a, b);
}
void partition_one_way(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.partition_one_way(a, b);
}
void heal_one_way(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.heal_one_way(a, b);
}
void heal(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.heal(a, b);
}
void stall(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.stall(a, b);
}
void unstall(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.resume(a, b);
}
void clog(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.clog(a, b, world.clock.now() + fields.duration("for"));
}
void unclog(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.clog(a, b, world.clock.now());
}
void half_open(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.half_open(a, b);
}
constexpr KeySpec kBytesKey[] = {{"bytes", ValueKind::count, "How many, 1 or more.", true}};
void reset_after(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.reset_after(a, b, std::max<std::uint64_t>(fields.number("bytes"), 1));
}
void reset_no_more(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.reset_after(a, b, 0);
}
void change_link(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  LinkSettings settings = world.network.default_link;
  apply(fields, settings);
  world.network.set_link(a, b, settings);
}
void restore_link(World& world, const FaultKind& kind, const Fields& fields) {
  const auto [a, b] = pair(world, kind, fields);
  world.network.set_link(a, b, world.network.default_link);
}
// The silence comes first, so that nobody hears of the end.
void vanish(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    world.network.vanish(*world.node(name));
    if (name == World::kRedis) {
      world.redis->stop();
    } else if (auto* group = world.clients_of(name)) {
      group->abort();
    } else {
      world.process(name)->crash();
    }
  }
}
void restore(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields)) {
    world.network.restore(*world.node(name));
    if (name == World::kRedis) {
      world.redis->start();
    } else if (auto* group = world.clients_of(name)) {
      group->start();
    } else {
      world.start_process(*world.process(name));
    }
  }
}
void reset(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields))
    world.network.reset_connections(*world.node(name));
}
void set_connect_fault(World& world, const FaultKind& kind, const Fields& fields, ConnectFault fault) {
  for (const auto& name : named(world, kind, fields))
    if (const auto port = world.port_of(name)) world.node(name)->set_connect_fault(*port, fault);
}
void refuse(World& world, const FaultKind& kind, const Fields& fields) {
  set_connect_fault(world, kind, fields, ConnectFault::refuse);
}
void hang(World& world, const FaultKind& kind, const Fields& fields) {
  set_connect_fault(world, kind, fields, ConnectFault::hang);
}
void connects_work(World& world, const FaultKind& kind, const Fields& fields) {
  set_connect_fault(world, kind, fields, ConnectFault::none);
}

void change_backend(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields))
    apply(fields, world.backend(name)->settings);
}
void restore_backend(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields))
    world.backend(name)->settings = world.original_settings(name);
}

void redis_delay(World& world, const FaultKind& kind, const Fields& fields) {
  world.redis->delay = fields.duration(kind.name);
}
void redis_no_delay(World& world, const FaultKind&, const Fields&) { world.redis->delay = Duration(0); }
void redis_error(World& world, const FaultKind& kind, const Fields& fields) {
  world.redis->answer_error = fields.text(kind.name);
}
void redis_no_error(World& world, const FaultKind&, const Fields&) { world.redis->answer_error.clear(); }
void redis_lose_answers(World& world, const FaultKind& kind, const Fields& fields) {
  world.redis->lose_answers = fields.number(kind.name) != 0;
}
void redis_keep_answers(World& world, const FaultKind&, const Fields&) { world.redis->lose_answers = false; }
void redis_lose_data(World& world, const FaultKind& kind, const Fields& fields) {
  if (fields.number(kind.name) != 0) world.redis->lose_data();
}
void redis_failover(World& world, const FaultKind& kind, const Fields& fields) {
  world.redis->fail_over(fields.duration(kind.name));
}
void edit_registry(World& world, const FaultKind& kind, const Fields& fields, std::string command) {
  world.redis->edit({std::move(command), std::string(World::kSetKey), fields.text(kind.name)});
}
void registry_add(World& world, const FaultKind& kind, const Fields& fields) {
  edit_registry(world, kind, fields, "SADD");
}
void registry_remove(World& world, const FaultKind& kind, const Fields& fields) {
  edit_registry(world, kind, fields, "SREM");
}

void set_dns(World& world, const FaultKind& kind, const Fields& fields, bool fails) {
  for (const auto& name : named(world, kind, fields))
    world.network.dns.names[name].fails = fails;
}
void dns_fail(World& world, const FaultKind& kind, const Fields& fields) { set_dns(world, kind, fields, true); }
void dns_work(World& world, const FaultKind& kind, const Fields& fields) { set_dns(world, kind, fields, false); }
constexpr KeySpec kToKey[] = {
    {"to", ValueKind::name, "The node whose address it then has; none: the name is gone.", true}};
void dns_change(World& world, const FaultKind& kind, const Fields& fields) {
  const auto& to = fields.names("to").front();
  for (const auto& name : named(world, kind, fields))
    world.network.dns.names[name].addresses = to == "none" ? std::vector<IpAddress>() : world.node(to)->addresses();
}
void dns_restore(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : named(world, kind, fields))
    world.network.dns.names[name].addresses = world.node(name)->addresses();
}
void dns_silent(World& world, const FaultKind& kind, const Fields& fields) {
  world.network.dns.silent = fields.number(kind.name) != 0;
}
void dns_not_silent(World& world, const FaultKind&, const Fields&) { world.network.dns.silent = false; }

void burst(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : fields.names(kind.name))
    world.clients_of(name)->burst(fields.number("count"));
}
constexpr KeySpec kRateKeys[] = {
    {"rate", ValueKind::rate, "Requests a second from now on.", true},
    {"over", ValueKind::duration, "Rises or falls to it evenly within this."},
};
void change_rate(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : fields.names(kind.name))
    world.clients_of(name)->set_rate(fields.number("rate"), fields.duration("over"));
}
void restore_rate(World& world, const FaultKind& kind, const Fields& fields) {
  for (const auto& name : fields.names(kind.name))
    world.clients_of(name)->set_rate(world.original_rate(name));
}

using enum ValueKind;

const FaultKind kFaults[] = {
    {"crash",
     "Kills processes as SIGKILL does; with `for` they start again after it.",
     Operand::processes,
     names,
     {},
     crash,
     start},
    {"stop",
     "Asks processes to end as SIGTERM does; with `for` they start again after it.",
     Operand::processes,
     names,
     {},
     stop,
     start},
    {"start", "Starts processes.", Operand::processes, names, {}, start, nullptr},
    {"pause",
     "Freezes processes as SIGSTOP does: connections are made, nothing is answered, nothing is done.",
     Operand::processes,
     names,
     {},
     pause,
     resume},
    {"resume", "Ends a pause.", Operand::processes, names, {}, resume, nullptr},
    {"clock_jump", "The calendar of nodes jumps; with `for` it jumps back after it.", Operand::processes, names,
     kJumpKeys, clock_jump, clock_jump_back},
    {"clock_drift", "The clocks of nodes run fast or slow.", Operand::processes, names, kDriftKeys, clock_drift,
     clock_steady},
    {"backend", "Changes how backends behave; with `for` they are as before after it.", Operand::backends, names,
     backend_keys(), change_backend, restore_backend},
    {"partition", "Nothing passes between two nodes, either way.", Operand::pair, names, {}, partition, heal},
    {"partition_one_way",
     "Nothing passes from the first node to the second.",
     Operand::pair,
     names,
     {},
     partition_one_way,
     heal_one_way},
    {"heal", "Ends the partitions between two nodes.", Operand::pair, names, {}, heal, nullptr},
    {"stall",
     "Bytes of connections from the first node to the second do not pass; connecting does.",
     Operand::pair,
     names,
     {},
     stall,
     unstall},
    {"clog",
     "What two nodes send each other arrives when the clog ends, connects and resets too.",
     Operand::pair,
     names,
     {},
     clog,
     unclog,
     true},
    {"half_open",
     "The connections between two nodes are lost on the way without a word; each end goes on thinking that it has "
     "its peer. New ones work.",
     Operand::pair,
     names,
     {},
     half_open,
     nullptr},
    {"reset_after",
     "Connections between two nodes are reset when so many bytes have gone from the first to the second.",
     Operand::pair, names, kBytesKey, reset_after, reset_no_more},
    {"link", "Changes the way between two nodes, both directions.", Operand::pair, names, link_keys(), change_link,
     restore_link},
    {"vanish",
     "The power of nodes fails: their processes are gone without a word, connections to them are half-open. "
     "With `for` they start again after it.",
     Operand::nodes,
     names,
     {},
     vanish,
     restore},
    {"reset", "Every connection of the nodes is reset.", Operand::nodes, names, {}, reset, nullptr},
    {"refuse",
     "Connecting to the processes is refused, though they run.",
     Operand::processes,
     names,
     {},
     refuse,
     connects_work},
    {"hang", "Connecting to the processes gets no answer.", Operand::processes, names, {}, hang, connects_work},
    {"redis_delay", "Redis takes so long for each answer.", Operand::value, duration, {}, redis_delay, redis_no_delay},
    {"redis_error",
     "Redis answers every command with this error.",
     Operand::value,
     text,
     {},
     redis_error,
     redis_no_error},
    {"redis_lose_answers",
     "Redis does what it is told to write, and resets the connection in place of the answer.",
     Operand::value,
     flag,
     {},
     redis_lose_answers,
     redis_keep_answers},
    {"redis_lose_data", "Redis forgets everything.", Operand::value, flag, {}, redis_lose_data, nullptr},
    {"redis_failover",
     "A replica takes over whose data is so old; every connection ends.",
     Operand::value,
     duration,
     {},
     redis_failover,
     nullptr},
    {"registry_add", "Somebody adds this member to the set by hand.", Operand::value, text, {}, registry_add, nullptr},
    {"registry_remove",
     "Somebody removes this member from the set by hand.",
     Operand::value,
     text,
     {},
     registry_remove,
     nullptr},
    {"dns_fail", "The name service fails for the names of these nodes.", Operand::hosts, names, {}, dns_fail, dns_work},
    {"dns_change", "The names of nodes have another's address.", Operand::hosts, names, kToKey, dns_change,
     dns_restore},
    {"dns_silent", "The name service answers nobody.", Operand::value, flag, {}, dns_silent, dns_not_silent},
    {"burst", "Client groups send so many requests at once.", Operand::clients, names, kCountKey, burst, nullptr},
    {"clients", "Changes how often client groups ask.", Operand::clients, names, kRateKeys, change_rate, restore_rate},
};

}  // namespace

std::span<const FaultKind> fault_kinds() noexcept { return kFaults; }

const FaultKind* find_fault(std::string_view name) noexcept {
  for (const auto& kind : kFaults)
    if (kind.name == name) return &kind;
  return nullptr;
}

std::vector<std::string> expand(const World& world, const std::vector<std::string>& names) {
  std::vector<std::string> all;
  const auto take = [&all](const auto& processes) {
    for (const auto& process : processes)
      all.push_back(process->name());
  };
  for (const auto& name : names) {
    if (name == "backends")
      take(world.backends);
    else if (name == "proxies")
      take(world.proxies);
    else if (name == "sentinels")
      take(world.sentinels);
    else
      all.push_back(name);
  }
  return all;
}

}  // namespace gopher::sim
