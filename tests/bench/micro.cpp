// The parts of the data path by themselves, in nanoseconds: ./dev bench micro.
#include <algorithm>
#include <array>
#include <benchmark/benchmark.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/balance/balancer.h"
#include "core/http/forwarding.h"
#include "core/http/framing.h"
#include "core/http/head_parser.h"
#include "core/limit/client_limiter.h"
#include "core/ports/random.h"
#include "tests/bench/queue_clock.h"

namespace {

using namespace gopher;

constexpr std::string_view kRequest =
    "GET /index.html?q=1 HTTP/1.1\r\nHost: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 13\r\n\r\n";
// That of the session's settings.
constexpr http::HeadLimits kLimits{8192, 16384, 100};

template <class Parser>
void parse(benchmark::State& state, std::string_view text) {
  Parser parser(kLimits);
  for (auto _ : state) {
    parser.reset();
    if (parser.parse(text) != http::ParseStatus::complete) state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(parser.head());
  }
}
void parse_request(benchmark::State& state) { parse<http::RequestHeadParser>(state, kRequest); }
void parse_response(benchmark::State& state) { parse<http::ResponseHeadParser>(state, kResponse); }
BENCHMARK(parse_request);
BENCHMARK(parse_response);

void examine_request(benchmark::State& state) {
  http::RequestHeadParser parser(kLimits);
  parser.parse(kRequest);
  for (auto _ : state)
    benchmark::DoNotOptimize(http::examine_request(parser.head()));
}
void examine_response(benchmark::State& state) {
  http::ResponseHeadParser parser(kLimits);
  parser.parse(kResponse);
  for (auto _ : state)
    benchmark::DoNotOptimize(http::examine_response(parser.head(), "GET"));
}
BENCHMARK(examine_request);
BENCHMARK(examine_response);

void serialise_request(benchmark::State& state) {
  http::RequestHeadParser parser(kLimits);
  parser.parse(kRequest);
  const auto facts = http::examine_request(parser.head());
  const http::RequestForwarding forwarding{"192.0.2.1", false, "0123456789abcdef0123456789abcdef"};
  std::array<char, 4096> buffer;
  for (auto _ : state) {
    http::HeadWriter writer(buffer);
    http::write_forwarded_request(writer, parser.head(), *facts, forwarding);
    benchmark::DoNotOptimize(writer.written());
    benchmark::ClobberMemory();
  }
}
void serialise_response(benchmark::State& state) {
  http::ResponseHeadParser parser(kLimits);
  parser.parse(kResponse);
  const auto facts = http::examine_response(parser.head(), "GET");
  http::ResponseForwarding forwarding;
  forwarding.framing = facts->framing;
  std::array<char, 4096> buffer;
  for (auto _ : state) {
    http::HeadWriter writer(buffer);
    http::write_forwarded_response(writer, parser.head(), forwarding);
    benchmark::DoNotOptimize(writer.written());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(serialise_request);
BENCHMARK(serialise_response);

// Over so many client addresses in turn, none of which is refused: the buckets are never full again, so each has its
// entry of the table.
void limiter(benchmark::State& state) {
  const auto addresses = static_cast<std::uint32_t>(state.range(0));
  ClientLimiter limiter({.rate_millirequests_per_second = 1'000, .burst = 1'000'000});
  Instant now{std::chrono::hours(1)};
  std::uint32_t turn = 0;
  for (auto _ : state) {
    turn = turn + 1 == addresses ? 0 : turn + 1;
    const auto byte = [&](int shift) { return static_cast<std::uint8_t>(turn >> shift); };
    benchmark::DoNotOptimize(limiter.admit(IpAddress::v4({10, byte(16), byte(8), byte(0)}), now));
    now += std::chrono::microseconds(10);
  }
}
BENCHMARK(limiter)->Arg(1)->Arg(100'000);

class NoObserver final : public Observer {
 public:
  void on(const Event&) noexcept override {}
};

void pick(benchmark::State& state) {
  auto snapshot = std::make_shared<PoolSnapshot>();
  snapshot->version = 1;
  snapshot->members = static_cast<std::size_t>(state.range(0));
  for (std::size_t index = 0; index < snapshot->members; ++index) {
    const SocketAddress address{
        IpAddress::v4({10, 1, static_cast<std::uint8_t>(index / 250), static_cast<std::uint8_t>(1 + index % 250)}), 80};
    std::string why;
    snapshot->live.push_back({*Endpoint::parse_authority(address.to_string(), why), address});
  }
  std::ranges::sort(snapshot->live, {}, &LiveBackend::endpoint);
  SnapshotCell cell;
  cell.publish(std::move(snapshot));
  NoObserver observer;
  Balancer balancer(cell, observer, {}, 0);
  const Instant now{std::chrono::hours(1)};
  for (auto _ : state)
    benchmark::DoNotOptimize(balancer.pick(now, {}));
}
BENCHMARK(pick)->Arg(3)->Arg(1'000);

// A deadline that is moved on, as each byte of a connection moves it, among those of so many others.
void timer_queue_move(benchmark::State& state) {
  QueueClock clock;
  RandomStream random(1, "bench", "timer");
  std::vector<std::unique_ptr<Timer>> timers;
  const auto pause = [&] { return Duration(static_cast<std::int64_t>(random.below(60'000'000'000))); };
  Instant now{};
  for (std::int64_t index = 0; index < state.range(0); ++index)
    timers.emplace_back(std::make_unique<Timer>(clock, [](void*) {}, nullptr))->arm(now + pause());
  std::size_t turn = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(10);
    timers[turn]->arm(now + pause());
    turn = turn + 1 == timers.size() ? 0 : turn + 1;
  }
}
BENCHMARK(timer_queue_move)->Arg(64)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
