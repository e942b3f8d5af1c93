#include "docker/load/load_run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <memory>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "core/http/body_decoder.h"
#include "core/http/framing.h"
#include "io/asio_address.h"
#include "io/asio_errors.h"
#include "io/asio_stream.h"
#include "io/tcp_socket.h"

namespace gopher::load {

namespace {

constexpr Duration kTick = std::chrono::milliseconds(20);

// A connection under way from `from`; the first write waits until it stands.
std::expected<std::unique_ptr<Stream>, ErrorKind> connect_from(EventLoop& loop, const IpAddress& from,
                                                               const SocketAddress& to) {
  const int socket = open_tcp_socket(AF_INET);
  if (socket < 0) return std::unexpected(ErrorKind::exhausted);
  // The port is chosen by connect(), so that each pair of addresses has all ports to itself.
  const int on = 1;
  setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  NativeAddress local({from, 0});
  NativeAddress peer(to);
  const bool connecting = ::bind(socket, local.get(), local.length) == 0 &&
                          (::connect(socket, peer.get(), peer.length) == 0 || errno == EINPROGRESS);
  if (!connecting) {
    const auto error = connect_error(errno);
    ::close(socket);
    return std::unexpected(error);
  }
  return make_asio_stream(loop.context(), loop.clock(), socket, to);
}

std::string request_text(const LoadSettings& settings) {
  return "GET / HTTP/1.1\r\nHost: " + settings.target.to_string() + "\r\n\r\n";
}

}  // namespace

struct LoadRun::Client {
  std::unique_ptr<Stream> stream;
  http::ResponseHeadParser parser{http::HeadLimits{}};
  http::BodyDecoder body{http::BodyLimits{}};
  std::array<char, 32 * 1024> buffer{};
  bool keep_alive = true;
};

LoadRun::LoadRun(const LoadSettings& settings, Shape shape)
    : settings_(settings),
      shape_(std::move(shape)),
      request_(request_text(settings)),
      ticker_(loop_.clock(), &tick, this) {}

void LoadRun::run() {
  begun_ = loop_.clock().now();
  on_tick();
  loop_.run();
}

void LoadRun::on_tick() {
  ticker_.arm(loop_.clock().now() + kTick);
  const Duration since = loop_.clock().now() - begun_;
  close_seconds(since);
  if (since < shape_.length()) {
    adjust_users(since);
  } else if (!ending_.requested()) {
    wanted_ = 0;
    ending_.request();
    ender_.spawn(end());
  }
}

void LoadRun::adjust_users(Duration since) {
  wanted_ = shape_.users_at(since);
  present_.resize(std::max(present_.size(), static_cast<std::size_t>(std::ceil(wanted_))));
  for (std::size_t number = 0; static_cast<double>(number) < wanted_; ++number) {
    if (!present_[number]) users_.spawn(user(number));
  }
}

Task<void> LoadRun::end() {
  co_await users_.join();
  length_ = loop_.clock().now() - begun_;
  ticker_.disarm();
  close_seconds(length_);
  if (second_.requests() > 0) seconds_.push_back({wanted_, second_});
  loop_.stop();
}

Task<void> LoadRun::user(std::size_t number) {
  present_[number] = true;
  while (!surplus(number)) {
    const auto client = std::make_unique<Client>();
    co_await visit(*client, number);
    if (client->stream) client->stream->close();
  }
  present_[number] = false;
}

Task<void> LoadRun::visit(Client& client, std::size_t number) {
  auto stream = connect_from(loop_, next_address(), settings_.target);
  if (stream) client.stream = std::move(*stream);
  for (std::uint32_t request = 0; request < settings_.requests_per_client && client.keep_alive; ++request) {
    const Instant begin = loop_.clock().now();
    auto outcome = Outcome::failed;
    if (client.stream) outcome = co_await exchange(client);
    count(outcome, loop_.clock().now() - begin);
    if (outcome == Outcome::failed) client.keep_alive = false;
    co_await sleep_until(loop_.clock(), loop_.clock().now() + settings_.pause, ending_);
    if (surplus(number)) break;
  }
}

Task<LoadRun::Outcome> LoadRun::exchange(Client& client) {
  const Instant deadline = loop_.clock().now() + settings_.timeout;
  const WriteBuffer request = std::as_bytes(std::span(request_));
  const auto written = co_await write_all(*client.stream, loop_.clock(), settings_.timeout, request);
  if (!written) co_return Outcome::failed;

  client.parser.reset();
  std::size_t filled = 0;
  auto status = http::ParseStatus::need_more;
  while (status == http::ParseStatus::need_more && filled < client.buffer.size()) {
    const auto free = std::as_writable_bytes(std::span(client.buffer).subspan(filled));
    const auto got = co_await read_some(*client.stream, free, deadline);
    if (!got || *got == 0) co_return Outcome::failed;
    filled += *got;
    status = client.parser.parse({client.buffer.data(), filled});
  }
  if (status != http::ParseStatus::complete) co_return Outcome::failed;
  const auto facts = http::examine_response(client.parser.head(), "GET");
  if (!facts) co_return Outcome::failed;
  client.keep_alive = facts->keep_alive;
  const int code = client.parser.head().status;

  client.body.begin(facts->framing);
  auto rest = std::span(client.buffer).subspan(client.parser.head_bytes(), filled - client.parser.head_bytes());
  while (!client.body.complete()) {
    const auto step = client.body.decode(rest);
    if (step.status == http::BodyDecoder::Status::malformed) co_return Outcome::failed;
    if (step.status == http::BodyDecoder::Status::complete) break;
    const auto got = co_await read_some(*client.stream, std::as_writable_bytes(std::span(client.buffer)), deadline);
    if (!got) co_return Outcome::failed;
    if (*got == 0 && !client.body.at_end_of_stream()) co_return Outcome::failed;
    rest = std::span(client.buffer).first(*got);
  }
  if (code == 429) co_return Outcome::rate_limited;
  if (code >= 200 && code < 400) co_return Outcome::answered;
  co_return Outcome::other_status;
}

IpAddress LoadRun::next_address() {
  const std::uint32_t host = (127u << 24) + (1u << 16) + 1 + next_client_++ % settings_.addresses;
  return IpAddress::v4({static_cast<std::uint8_t>(host >> 24), static_cast<std::uint8_t>(host >> 16),
                        static_cast<std::uint8_t>(host >> 8), static_cast<std::uint8_t>(host)});
}

void LoadRun::count(Outcome outcome, Duration latency) {
  for (Tally* tally : {&total_, &second_}) {
    switch (outcome) {
      case Outcome::answered:
        ++tally->answered;
        tally->latencies.add(latency);
        break;
      case Outcome::rate_limited: ++tally->rate_limited; break;
      case Outcome::other_status: ++tally->other_status; break;
      case Outcome::failed: ++tally->failed; break;
    }
  }
}

void LoadRun::close_seconds(Duration since) {
  while (since >= std::chrono::seconds(seconds_.size() + 1)) {
    seconds_.push_back({wanted_, second_});
    second_ = {};
  }
}

}  // namespace gopher::load
