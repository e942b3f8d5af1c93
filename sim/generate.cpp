#include "sim/generate.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/ports/random.h"

namespace gopher::sim {

namespace {

using Entries = std::vector<YamlEntry>;

YamlNode word(std::string text) {
  YamlNode node;
  node.kind = YamlNode::Kind::scalar;
  node.scalar = std::move(text);
  return node;
}
YamlNode map(Entries entries) {
  YamlNode node;
  node.kind = YamlNode::Kind::map;
  node.entries = std::move(entries);
  node.key_places.resize(node.entries.size());
  return node;
}
YamlNode list(std::vector<YamlNode> items) {
  YamlNode node;
  node.kind = YamlNode::Kind::list;
  node.items = std::move(items);
  return node;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : seed_(seed), random_(seed, "explore", "scenario") {}

  YamlNode generate(const YamlNode* base) {
    Entries entries;
    entries.emplace_back("story", word("Drawn from seed " + std::to_string(seed_) + '.'));
    entries.emplace_back("seed", word(std::to_string(seed_)));
    if (base) {
      entries.emplace_back("duration", *base->find("duration"));
      entries.emplace_back("world", *base->find("world"));
      take_names(*base->find("world"));
    } else {
      entries.emplace_back("duration", word(std::to_string(kGeneratedSeconds) + 's'));
      entries.emplace_back("settle", word("120s"));
      entries.emplace_back("world", world());
    }
    entries.emplace_back("timeline", timeline());
    return map(std::move(entries));
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
  const std::string& any(const std::vector<std::string>& names) { return names[below(names.size())]; }
  std::string ms(std::uint64_t least, std::uint64_t most) { return std::to_string(between(least, most)) + "ms"; }
  std::string percent(std::uint64_t most) { return std::to_string(between(1, most)) + '%'; }

  std::vector<std::string> numbered(const std::string& name, std::uint64_t many) {
    std::vector<std::string> names;
    for (std::uint64_t i = 1; i <= many; ++i)
      names.push_back(name + std::to_string(i));
    return names;
  }

  // ---- the world

  YamlNode world() {
    Entries parts;
    backends_ = numbered("b", between(1, 5));
    sentinels_ = numbered("s", between(1, 2));
    proxies_ = numbered("p", between(1, 2));
    clients_ = numbered("c", between(1, 3));
    if (one_in(2)) parts.emplace_back("link", link());
    parts.emplace_back("backends", each(backends_, [this](Entries& keys) { behave(keys); }));
    parts.emplace_back("sentinels", each(sentinels_, [](Entries&) {}));
    parts.emplace_back(
        "proxies", each(proxies_, [this](Entries& keys) {
          // The table of the real default costs more to make than a short run, and one too small for all
          // clients may refuse those that ask whether all is well again.
          keys.emplace_back("limiter_entries", word(number(1024, 4096)));
          if (one_in(2)) keys.emplace_back("limiter_rate", word("0/s"));
          if (one_in(3)) keys.emplace_back("workers", word(std::to_string(between(2, 4))));
          if (one_in(3)) keys.emplace_back("discovery_interval", word(ms(500, 10'000)));
          for (const auto phase : {"first_byte", "response_idle", "request_head", "request_idle", "write"})
            if (one_in(4)) keys.emplace_back(std::string(phase) + "_timeout", word(ms(100, 5000)));
          if (one_in(4)) keys.emplace_back("max_connections", word(std::to_string(between(500, 700))));
          if (one_in(4)) keys.emplace_back("drain_timeout", word(ms(100, 5000)));
        }));
    parts.emplace_back("clients", each(clients_, [this](Entries& keys) { workload(keys); }));
    return map(std::move(parts));
  }

  std::string number(std::uint64_t least, std::uint64_t most) { return std::to_string(between(least, most)); }

  // Few are long enough to be moved from stream to stream.
  std::string body_bytes() { return number(1, one_in(12) ? 400'000 : one_in(4) ? 30'000 : 2000); }

  std::string window_bytes() { return one_in(2) ? number(1000, 20'000) : number(100'000, 1'000'000); }

  void behave(Entries& keys) {
    const auto key = [&keys](std::string name, std::string value) {
      keys.emplace_back(std::move(name), word(std::move(value)));
    };
    key("latency", "1ms.." + ms(1, 200));
    key("body", "0.." + body_bytes());
    if (one_in(3)) key("keep_alive", ms(100, 3000));
    if (one_in(3)) key("requests_per_connection", number(1, 20));
    if (one_in(4)) key("announces_close", "no");
    if (one_in(3)) keys.emplace_back("framing", some({"length", "chunked", "trailers", "close"}));
    if (one_in(6)) key("interim", percent(100));
    if (one_in(8)) {
      key("slow", percent(5));
      key("slow_latency", "100ms.." + ms(100, 3000));
    }
    if (one_in(8)) {
      key("read_bytes", number(100, 5000));
      key("read_pause", ms(1, 20));
    }
    if (one_in(8)) key("upgrades", "no");
    key("event_every", ms(20, 1000));
    if (one_in(2)) key("event_count", number(1, 20));
  }

  void workload(Entries& keys) {
    const auto key = [&keys](std::string name, std::string value) {
      keys.emplace_back(std::move(name), word(std::move(value)));
    };
    key("addresses", number(1, 50));
    switch (below(8)) {
      case 0:
        key("traffic", "websocket");
        key("message", "1.." + number(1, 5000));
        key("message_every", ms(10, 500));
        break;
      case 1: key("traffic", "events"); break;
      case 2: key("traffic", "silent"); break;
      default: requests(keys); return;
    }
    key("rate", number(1, 5) + "/s");
    key("stay", "0ms.." + ms(1, 10'000));
  }

  void requests(Entries& keys) {
    const auto key = [&keys](std::string name, std::string value) {
      keys.emplace_back(std::move(name), word(std::move(value)));
    };
    key("rate", number(1, 30) + "/s");
    if (one_in(3)) key("keep_alive", "no");
    if (one_in(3)) {
      key("body", "0.." + body_bytes());
      if (one_in(2)) key("chunked", percent(100));
    }
    if (one_in(4)) keys.emplace_back("method", some({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X"}));
    const bool stalls = one_in(8);
    // So that those that stall cannot fill all connections that a proxy may have.
    if (stalls || one_in(5)) key("patience", ms(50, 5000));
    if (one_in(6)) {
      key("read_bytes", number(1, 2000));
      key("read_pause", ms(1, stalls ? 5000 : 50));
    }
    if (one_in(stalls ? 2 : 6)) {
      key("write_bytes", number(1, 2000));
      key("write_pause", ms(1, stalls ? 5000 : 50));
    }
    if (one_in(4)) {
      key("pipeline", number(2, 20));
      return;
    }
    if (one_in(5)) key("expect_continue", percent(100));
    if (one_in(5)) key("bad", percent(50));
    if (one_in(5)) {
      key("aborts", percent(50));
      key("abort_after", "0ms.." + ms(1, 300));
    }
    if (one_in(5)) key("abort_in_body", percent(50));
  }

  // One of the words, or more.
  YamlNode some(const std::vector<std::string>& words) {
    std::vector<YamlNode> chosen{word(any(words))};
    for (const auto& each : words)
      if (each != chosen.front().scalar && one_in(3)) chosen.push_back(word(each));
    return list(std::move(chosen));
  }

  template <class Fill>
  YamlNode each(const std::vector<std::string>& names, Fill fill) {
    std::vector<YamlNode> items;
    for (const auto& name : names) {
      Entries keys;
      keys.emplace_back("name", word(name));
      fill(keys);
      items.push_back(map(std::move(keys)));
    }
    return list(std::move(items));
  }

  YamlNode link() {
    Entries keys;
    keys.emplace_back("latency", word(ms(0, 30)));
    if (one_in(2)) keys.emplace_back("jitter", word(ms(1, 20)));
    if (one_in(3)) keys.emplace_back("segment", word(std::to_string(between(1, 1500))));
    if (one_in(3)) keys.emplace_back("random_segments", word("yes"));
    if (one_in(3)) keys.emplace_back("window", word(window_bytes()));
    if (one_in(4)) keys.emplace_back("write_limit", word(std::to_string(between(1, 1500))));
    return map(std::move(keys));
  }

  void take_names(const YamlNode& world) {
    const auto take = [&world, this](std::string_view part, std::vector<std::string>& to) {
      const auto* items = world.find(part);
      if (!items) return;
      for (const auto& item : items->items) {
        const auto* name = item.find("name");
        const auto* count = item.find("count");
        if (!name) continue;
        if (!count) to.push_back(name->scalar);
        for (const auto& each : count ? numbered(name->scalar, std::stoull(count->scalar)) : std::vector<std::string>())
          to.push_back(each);
      }
    };
    take("backends", backends_);
    take("sentinels", sentinels_);
    take("proxies", proxies_);
    take("clients", clients_);
  }

  // ---- the timeline

  YamlNode timeline() {
    std::vector<int> swarm;
    for (int kind = 0; kind < kKinds; ++kind)
      if (one_in(2)) swarm.push_back(kind);
    std::vector<YamlNode> steps;
    if (swarm.empty()) return list({});
    for (std::uint64_t left = between(1, 12); left > 0; --left)
      steps.push_back(step(swarm[below(swarm.size())]));
    return list(std::move(steps));
  }

  std::vector<std::string> processes() {
    auto all = backends_;
    all.insert(all.end(), sentinels_.begin(), sentinels_.end());
    all.insert(all.end(), proxies_.begin(), proxies_.end());
    all.emplace_back("redis");
    return all;
  }
  YamlNode pair() {
    auto nodes = processes();
    nodes.insert(nodes.end(), clients_.begin(), clients_.end());
    const auto first = below(nodes.size());
    const auto second = (first + between(1, nodes.size() - 1)) % nodes.size();
    return list({word(nodes[first]), word(nodes[second])});
  }

  static constexpr int kKinds = 30;

  YamlNode step(int kind) {
    // From 3 s on: over by the end of the workload.
    const std::uint64_t at = between(3000, 20'000);
    const std::string lasts = ms(50, kGeneratedSeconds * 1000 - at - 500);
    Entries keys;
    keys.emplace_back("at", word(std::to_string(at) + "ms"));
    const auto lasting = [&](std::string name, YamlNode value) {
      keys.emplace_back(std::move(name), std::move(value));
      keys.emplace_back("for", word(lasts));
    };
    const auto once = [&](std::string name, YamlNode value) { keys.emplace_back(std::move(name), std::move(value)); };
    const auto more = [&](std::string name, std::string value) {
      keys.emplace_back(std::move(name), word(std::move(value)));
    };
    switch (kind) {
      case 0: lasting("crash", word(any(processes()))); break;
      case 1: lasting("stop", word(any(processes()))); break;
      case 2: lasting("pause", word(any(processes()))); break;
      case 3: lasting("partition", pair()); break;
      case 4: lasting("partition_one_way", pair()); break;
      case 5: lasting("stall", pair()); break;
      case 6:
        lasting("link", pair());
        more("latency", ms(1, 500));
        more("jitter", ms(0, 100));
        if (one_in(2)) {
          more("segment", std::to_string(between(1, 1500)));
        } else {
          more("window", window_bytes());
          more("bytes_per_second", number(1'000'000, 100'000'000));
        }
        unreliable(keys);
        break;
      case 7: lasting("vanish", word(any(processes()))); break;
      case 8: once("reset", word(any(processes()))); break;
      case 9: lasting("refuse", word(any(backends_))); break;
      case 10: lasting("hang", word(any(backends_))); break;
      case 11: lasting("redis_delay", word(ms(1, 5000))); break;
      case 12: lasting("redis_error", word("ERR out of order")); break;
      case 13: lasting("redis_lose_answers", word("yes")); break;
      case 14: once("redis_lose_data", word("yes")); break;
      case 15: once("redis_failover", word(ms(0, 20'000))); break;
      case 16: once("registry_add", word(one_in(2) ? "HTTP://" + any(backends_) + ":8080/" : "nonsense")); break;
      case 17: once("registry_remove", word("http://" + any(backends_) + ":8080")); break;
      case 18: lasting("dns_fail", word(any(backends_))); break;
      case 19: lasting("dns_silent", word("yes")); break;
      case 20:
        once("burst", word(any(clients_)));
        more("count", std::to_string(between(1, 200)));
        break;
      case 21:
        lasting("clients", word(any(clients_)));
        more("rate", std::to_string(between(0, 200)) + "/s");
        if (one_in(2)) more("over", ms(1, 5000));
        break;
      case 22: lasting("clog", pair()); break;
      case 23: once("half_open", pair()); break;
      case 24:
        lasting("reset_after", pair());
        more("bytes", std::to_string(between(1, 3000)));
        break;
      case 25:
        lasting("clock_jump", word(any(processes())));
        more("by", ms(1, 120'000));
        if (one_in(2)) more("back", "yes");
        break;
      case 26:
        lasting("clock_drift", word(any(processes())));
        more("by", percent(20));
        if (one_in(2)) more("back", "yes");
        break;
      case 27:
        lasting("dns_change", word(any(backends_)));
        more("to", one_in(2) ? "none" : any(backends_));
        break;
      default:
        lasting("backend", word(any(backends_)));
        misbehave(keys);
        break;
    }
    return map(std::move(keys));
  }

  void unreliable(Entries& keys) {
    if (one_in(3)) {
      keys.emplace_back("tail", word(percent(20)));
      keys.emplace_back("tail_latency", word(ms(1, 2000)));
    }
    if (one_in(3)) keys.emplace_back("refuses", word(percent(50)));
    if (one_in(3)) keys.emplace_back("hangs", word(percent(50)));
    if (one_in(3)) keys.emplace_back("resets", word(percent(50)));
  }

  void misbehave(Entries& keys) {
    switch (below(7)) {
      case 0: keys.emplace_back("errors", word(percent(100))); break;
      case 1: keys.emplace_back("truncated", word(percent(100))); break;
      case 2: keys.emplace_back("resets", word(percent(100))); break;
      case 3: keys.emplace_back("malformed", word(percent(100))); break;
      case 4: keys.emplace_back("latency", word("0ms.." + ms(1, 10'000))); break;
      case 5: keys.emplace_back("slow", word(percent(100))); break;
      default: keys.emplace_back("drip", word(ms(1, 300))); break;
    }
  }

  const std::uint64_t seed_;
  RandomStream random_;
  std::vector<std::string> backends_, sentinels_, proxies_, clients_;
};

}  // namespace

YamlNode generate_scenario(std::uint64_t seed, const YamlNode* base) { return Generator(seed).generate(base); }

}  // namespace gopher::sim
