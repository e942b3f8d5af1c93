#include "tests/data_path/proxy_world.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace gopher::test {

namespace {

constexpr std::uint16_t kPort = 8080;

std::size_t content_length_of(std::string_view head) {
  const auto at = head.find("Content-Length: ");
  return at == std::string_view::npos ? 0 : static_cast<std::size_t>(std::stoul(std::string(head.substr(at + 16, 20))));
}

}  // namespace

std::size_t whole_request(std::string_view bytes) {
  const auto head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return 0;
  const auto head = bytes.substr(0, head_end + 4);
  if (head.find("Transfer-Encoding: chunked") != std::string_view::npos) {
    // Good enough for a script: the last chunk ends the body unless there are trailers.
    const auto end = bytes.find("\r\n0\r\n", head_end);
    if (end == std::string_view::npos) return 0;
    const auto trailers_end = bytes.find("\r\n\r\n", end + 3);
    return trailers_end == std::string_view::npos ? 0 : trailers_end + 4;
  }
  const std::size_t whole = head_end + 4 + content_length_of(head);
  return bytes.size() >= whole ? whole : 0;
}

std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string get(std::string_view path, std::string_view more_fields) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: example.com\r\n" + std::string(more_fields) + "\r\n";
}

BackendScript answer_each(std::string response) {
  return [response = std::move(response)](BackendConnection& connection) {
    Reply reply;
    for (;;) {
      const auto whole = whole_request(std::string_view(connection.received).substr(connection.answered));
      if (whole == 0) return reply;
      connection.answered += whole;
      reply.bytes += response;
    }
  };
}

// ---- backend ----------------------------------------------------------------------------------------------------

ScriptedBackend::ScriptedBackend(sim::SimNode& on, Clock& clock, std::uint16_t port)
    : node(on), script(answer_each(ok("hello"))), clock_(clock), listener_(std::move(*on.listen(port))) {
  tasks_.spawn(run());
}

Task<void> ScriptedBackend::run() {
  for (;;) {
    const auto error = co_await wait_acceptable(*listener_);
    if (error) co_return;
    auto accepted = listener_->try_accept();
    if (!accepted) continue;
    connections.emplace_back().stream = std::move(*accepted);
    tasks_.spawn(serve(connections.back()));
  }
}

Task<void> ScriptedBackend::write(Clock& clock, BackendConnection& connection, Reply reply) {
  const WriteBuffer bytes = std::as_bytes(std::span(reply.bytes));
  if (!reply.bytes.empty()) co_await write_all(*connection.stream, clock, 1h, bytes);
  if (reply.half_close) connection.stream->shutdown_write();
  if (reply.close) connection.stream->close();
  if (reply.reset) connection.stream->reset();
}

Task<void> ScriptedBackend::serve(BackendConnection& connection) {
  std::array<std::byte, 16384> buffer;
  while (reads && connection.stream->is_open()) {
    const auto read = co_await read_some(*connection.stream, buffer, kNever);
    if (!read) {
      connection.failed = read.error() == ErrorKind::reset;
      co_return;
    }
    connection.received.append(reinterpret_cast<const char*>(buffer.data()), *read);
    connection.ended = *read == 0;
    Reply reply = script(connection);
    co_await write(clock_, connection, std::move(reply));
    if (connection.ended) co_return;
  }
}

std::size_t ScriptedBackend::requests() const {
  std::size_t count = 0;
  for (const auto& connection : connections) {
    std::string_view rest = connection.received;
    while (const auto whole = whole_request(rest)) {
      rest.remove_prefix(whole);
      ++count;
    }
  }
  return count;
}

std::string ScriptedBackend::all_received() const {
  std::string all;
  for (const auto& connection : connections)
    all += connection.received;
  return all;
}

void ScriptedBackend::send(std::string bytes, bool close) {
  Reply reply;
  reply.bytes = std::move(bytes);
  reply.close = close;
  send_on(connections.back(), std::move(reply));
}

void ScriptedBackend::send_on(BackendConnection& connection, Reply reply) {
  tasks_.spawn(write(clock_, connection, std::move(reply)));
}

void ScriptedBackend::close_all() {
  for (auto& connection : connections)
    connection.stream->close();
}

// ---- client -----------------------------------------------------------------------------------------------------

Task<void> ScriptedClient::run(SocketAddress to) {
  auto attempt = co_await connect(node_.connector(), to, kNever, cancellation_);
  if (!attempt) {
    reset = true;
    co_return;
  }
  stream_ = std::move(*attempt);
  connected = true;
  if (!outgoing_.empty() || finish_) send("");
  std::array<std::byte, 16384> buffer;
  while (reads) {
    const auto read = co_await read_some(*stream_, buffer, kNever);
    if (!read) {
      reset = read.error() == ErrorKind::reset;
      co_return;
    }
    if (*read == 0) {
      ended = true;
      co_return;
    }
    received.append(reinterpret_cast<const char*>(buffer.data()), *read);
  }
}

Task<void> ScriptedClient::write() {
  while (!outgoing_.empty()) {
    const std::string bytes = std::exchange(outgoing_, {});
    const WriteBuffer buffer = std::as_bytes(std::span(bytes));
    const auto written = co_await write_all(*stream_, clock_, 1h, buffer);
    if (!written) break;
  }
  writing_ = false;
  if (finish_) stream_->shutdown_write();
}

void ScriptedClient::send(std::string bytes) {
  outgoing_ += bytes;
  if (!connected || writing_) return;
  writing_ = true;
  tasks_.spawn(write());
}

void ScriptedClient::half_close() {
  finish_ = true;
  send("");
}
void ScriptedClient::close() {
  cancellation_.request();
  if (stream_) stream_->close();
}
void ScriptedClient::abort() {
  if (stream_) stream_->reset();
}

std::size_t ScriptedClient::responses() const {
  std::size_t count = 0;
  for (auto at = received.find("HTTP/1.1 "); at != std::string::npos; at = received.find("HTTP/1.1 ", at + 1))
    ++count;
  return count;
}

// ---- observer ---------------------------------------------------------------------------------------------------

void RecordingObserver::on(const Event& event) noexcept {
  std::visit(
      [&](const auto& e) {
        if constexpr (requires { e.backend.host_number; }) {
          if (!e.backend.empty()) host_numbers[std::string(e.backend)].insert(e.backend.host_number);
        }
      },
      event);
  std::visit(
      Overloaded{[&](const RequestFinished& e) {
                   Finished copy;
                   copy.method = e.method;
                   copy.target = e.target;
                   copy.client = e.client.to_string();
                   copy.status = e.status;
                   copy.cause = e.cause;
                   copy.detail = e.detail;
                   copy.answered_by_backend = e.answered_by_backend;
                   copy.backend = e.backend;
                   copy.bytes_in = e.bytes_in;
                   copy.bytes_out = e.bytes_out;
                   copy.attempts = e.attempts;
                   copy.reused = e.reused_connection;
                   copy.duration = e.duration;
                   finished.push_back(copy);
                 },
                 [&](const ConnectionAccepted&) { ++connections_open; },
                 [&](const ConnectionClosed&) { --connections_open; }, [&](const AcceptPaused&) { ++accept_paused; },
                 [&](const ExchangeBegan&) { ++exchanges_under_way; },
                 [&](const ExchangeEnded&) { --exchanges_under_way; },
                 [&](const UpstreamConnectionOpened&) {
                   ++upstream_open;
                   ++upstream_opened;
                 },
                 [&](const UpstreamConnectionReused&) { ++upstream_reused; },
                 [&](const UpstreamConnectionClosed&) { --upstream_open; },
                 [&](const RequestRetried& e) {
                   retried.push_back(std::string(e.backend) + " " + std::string(to_string(e.error.kind)));
                 },
                 [&](const BackendEjected& e) { ejected.emplace_back(e.backend); }, [](const auto&) {}},
      event);
}

// ---- world ------------------------------------------------------------------------------------------------------

ProxyWorld::ProxyWorld(int backends, SessionSettings with, LimiterSettings limits)
    : network(clock, 1),
      proxy_node(network.add_node("proxy", {"10.0.0.1"})),
      client_node(network.add_node("client", {"10.0.1.1"})),
      settings(std::move(with)),
      limiter(std::make_unique<ClientLimiter>(limits)) {
  std::vector<int> all;
  for (int i = 0; i < backends; ++i) {
    auto& node =
        network.add_node("b" + std::to_string(i + 1), {IpAddress::v4({10, 0, 2, static_cast<std::uint8_t>(i + 1)})});
    backends_.push_back(std::make_unique<ScriptedBackend>(node, clock, kPort));
    all.push_back(i);
  }
  publish_live(all);
}

void ProxyWorld::start() {
  balancer = std::make_unique<Balancer>(cell, observer, BalancerSettings{}, 0);
  worker = std::make_unique<WorkerContext>(clock, proxy_node.connector(), observer, settings, *limiter, *balancer,
                                           RandomStream(1, "request-id", "test"));
  acceptor = std::make_unique<Acceptor>(*worker, std::move(*proxy_node.listen(kPort)));
  tasks_.spawn(acceptor->run());
}

void ProxyWorld::publish_live(const std::vector<int>& backends) {
  auto snapshot = std::make_shared<PoolSnapshot>();
  snapshot->version = ++version_;
  for (const int index : backends) {
    const auto& node = backend(index).node;
    std::string why;
    const auto endpoint = Endpoint::parse_authority(node.name() + ":8080", why);
    snapshot->live.push_back({*endpoint, node.address(kPort)});
  }
  snapshot->members = snapshot->live.size();
  cell.publish(std::move(snapshot));
}

ScriptedClient& ProxyWorld::connect_client() {
  if (!acceptor) start();
  auto& client = clients_.emplace_back(client_node, clock);
  client.tasks_.spawn(client.run(proxy_node.address(kPort)));
  return client;
}

void ProxyWorld::until(const std::function<bool()>& condition, Duration limit, std::string_view what) {
  const bool held = clock.run_until(condition, clock.now() + limit);
  EXPECT_TRUE(held) << "did not come to pass in virtual time: " << what;
}

std::string ProxyWorld::exchange(std::string request, std::size_t responses) {
  auto& client = connect_client();
  client.send(std::move(request));
  const auto finished_before = observer.finished.size();
  until([&] { return client.over() || observer.finished.size() >= finished_before + responses; }, 1h, "a response");
  clock.run_for(10ms);  // the last bytes are still under way
  return client.received;
}

void ProxyWorld::stop() {
  if (stopped_) return;
  stopped_ = true;
  for (auto& client : clients_)
    client.close();
  if (acceptor) acceptor->drain();
  for (auto& backend : backends_) {
    backend->listener_->close();
    backend->close_all();
  }
  clock.run_until([&] { return tasks_.size() == 0; }, clock.now() + 1h);
  EXPECT_EQ(tasks_.size(), 0u) << "the acceptor did not end";
  clock.run_until(
      [&] {
        return std::all_of(clients_.begin(), clients_.end(), [](auto& c) { return c.tasks_.size() == 0; }) &&
               std::all_of(backends_.begin(), backends_.end(), [](auto& b) { return b->tasks_.size() == 0; });
      },
      clock.now() + 1h);
}

ProxyWorld::~ProxyWorld() {
  stop();
  if (worker) {
    EXPECT_EQ(worker->buffers.lent(), 0u) << "a buffer is still on loan";
  }
  EXPECT_EQ(observer.connections_open, 0);
  EXPECT_EQ(observer.upstream_open, 0);
  EXPECT_EQ(observer.exchanges_under_way, 0);
  EXPECT_EQ(proxy_node.open_streams(), 0u) << "a stream of the proxy is left";
}

}  // namespace gopher::test
