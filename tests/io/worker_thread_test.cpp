#include "io/worker_thread.h"

#include <atomic>
#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/admin/http_server.h"
#include "io/asio_address.h"
#include "tests/addresses.h"
#include "tests/io/allocations.h"
#include "tests/io/loop_fixture.h"

namespace gopher::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class BackendPages final : public HttpPages {
 public:
  HttpPage respond(std::string_view) override { return {.body = body}; }
  std::string body = "from the backend";
};

struct CountingObserver final : Observer {
  void on(const Event& event) noexcept override {
    if (std::holds_alternative<ConnectionAccepted>(event)) ++accepted;
    if (std::holds_alternative<ExchangeBegan>(event)) ++exchanges;
    if (std::holds_alternative<RequestFinished>(event)) {
      allocations_since_last = allocations_of_this_thread() - std::exchange(allocations, allocations_of_this_thread());
      ++finished;
    }
  }
  std::atomic<int> accepted = 0;
  std::atomic<int> exchanges = 0;
  std::atomic<int> finished = 0;
  std::atomic<std::size_t> allocations_since_last = 0;  // from one finished request to the next
  std::size_t allocations = 0;
};

// Workers on threads of their own; a backend and the clients on the test's thread.
class WorkerThreadTest : public EngineTest {
 protected:
  WorkerThreadTest() {
    config_.limiter.rate_millirequests_per_second = 0;
    config_.io_engine = GetParam();
    publish();
  }
  ~WorkerThreadTest() override {
    for (auto& worker : workers_) {
      worker->cut();
      worker->join();
    }
    if (backend_) backend_->close();
    EXPECT_TRUE(run_until(loop_, [&] { return group_.size() == 0; }));
    backend_.reset();
  }

  // The backend is live, once more.
  void publish() {
    auto snapshot = std::make_shared<PoolSnapshot>();
    snapshot->version = cell_.version() + 1;
    snapshot->members = 1;
    snapshot->live.push_back({endpoint(backend_address_.to_string()), backend_address_});
    cell_.publish(std::move(snapshot));
  }
  void start_backend() {
    backend_.emplace(loop_.clock(), std::move(listener_), pages_, HttpServerSettings{});
    group_.spawn(backend_->run());
  }
  void start_workers(std::size_t count) {
    for (std::size_t index = 0; index < count; ++index) {
      workers_.push_back(std::make_unique<WorkerThread>(index, config_, cell_, limiter_, observers_[index], 1));
      const auto got = workers_.back()->listen({IpAddress::v4({127, 0, 0, 1}), port_, "PROXY_PORT"});
      ASSERT_TRUE(got.has_value()) << got.error();
      port_ = *got;
    }
    for (auto& worker : workers_)
      worker->start([this] { ++ended_; });
  }
  std::unique_ptr<Stream> connect() {
    RecordedConnect attempt;
    loop_.connector().connect(attempt, loopback(port_), loop_.clock().now() + 5s);
    EXPECT_TRUE(run_until(loop_, [&] { return attempt.done(); }));
    connect_error_ = attempt.error;
    return std::move(attempt.stream);
  }
  std::unique_ptr<Stream> ask() {
    auto stream = connect();
    const WriteBuffer request = bytes("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(stream->try_write(std::span(&request, 1)).has_value());
    return stream;
  }
  // One that has sent so many requests and reads nothing; the last one asks for the end of the connection.
  int slow_client(int requests) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int little = 2304;
    EXPECT_EQ(::setsockopt(client, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
    NativeAddress at(loopback(port_));
    EXPECT_EQ(::connect(client, at.get(), at.length), 0);
    std::string text;
    for (int i = 1; i < requests; ++i)
      text += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    text += "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(::send(client, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return client;
  }
  // How many requests have been finished when no more are.
  int finished_in_the_end() {
    int finished = 0;
    for (int without_one_more = 0; finished == 0 || without_one_more < 4;) {
      turn_for(100ms);
      const int before = std::exchange(finished, observers_[0].finished);
      without_one_more = finished == before ? without_one_more + 1 : 0;
    }
    return finished;
  }
  // One that reads nothing, has asked for as many answers as the system and the worker take, and with the last one for
  // the end of the connection. The last bytes are, or may be, the worker's; that the same was taken for a first client
  // makes it likely.
  int client_without_room_for_the_last_bytes() {
    config_.session.max_pipelined_requests = 10'000;
    pages_.body.assign(3000, 'x');
    start_backend();
    start_workers(1);
    const int first = slow_client(2000);
    answers_ = static_cast<std::size_t>(finished_in_the_end());
    EXPECT_LT(answers_, 2000u);
    ::close(first);
    const int client = slow_client(static_cast<int>(answers_));
    finished_in_the_end();
    return client;
  }
  void turn_for(Duration time) {
    const Instant end = loop_.clock().now() + time;
    while (loop_.clock().now() < end)
      loop_.run_one(10ms);
  }
  std::string read_all(Stream& stream) {
    std::string received;
    std::array<std::byte, 4096> buffer;
    for (;;) {
      const auto read = read_when_ready(loop_, stream, buffer);
      if (!read || *read == 0) return received;
      received.append(reinterpret_cast<const char*>(buffer.data()), *read);
    }
  }
  bool all_ended() {
    return run_until(loop_, [&] { return ended_ == static_cast<int>(workers_.size()); });
  }

  ProxyConfig config_;
  const SocketAddress backend_address_ = listener_->local();
  SnapshotCell cell_;
  ClientLimiter limiter_{[] {
    LimiterSettings off;
    off.rate_millirequests_per_second = 0;
    return off;
  }()};
  std::array<CountingObserver, 2> observers_;
  BackendPages pages_;
  std::optional<HttpServer> backend_;
  TaskGroup group_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::atomic<int> ended_ = 0;
  std::uint16_t port_ = 0;
  std::size_t answers_ = 0;
  std::optional<ErrorKind> connect_error_;
};

INSTANTIATE_ENGINES(WorkerThreadTest);

TEST_P(WorkerThreadTest, WorkersShareOnePortAndEachServes) {
  start_backend();
  start_workers(2);
  for (int i = 0; i < 64; ++i) {
    const auto stream = ask();
    EXPECT_THAT(read_all(*stream), EndsWith("\r\n\r\nfrom the backend"));
  }
  // The system spreads connections by a hash of their addresses.
  EXPECT_EQ(observers_[0].accepted + observers_[1].accepted, 64);
  EXPECT_GT(observers_[0].accepted, 0);
  EXPECT_GT(observers_[1].accepted, 0);
}

TEST_P(WorkerThreadTest, AWarmRequestAllocatesNothing) {
#ifdef GOPHER_COUNTS_NO_ALLOCATIONS
  GTEST_SKIP() << "a sanitizer has an operator new of its own";
#endif
  start_backend();
  start_workers(1);
  const auto stream = connect();
  const WriteBuffer request = bytes("GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\nUser-Agent: test\r\n\r\n");
  std::array<std::byte, 4096> buffer;
  for (int i = 1; i <= 10; ++i) {
    ASSERT_TRUE(stream->try_write(std::span(&request, 1)).has_value());
    for (std::string received; !received.ends_with("from the backend");) {
      const auto read = read_when_ready(loop_, *stream, buffer);
      ASSERT_TRUE(read && *read > 0);
      received.append(reinterpret_cast<const char*>(buffer.data()), *read);
    }
    ASSERT_TRUE(run_until(loop_, [&] { return observers_[0].finished == i; }));
    EXPECT_TRUE(i > 1 || observers_[0].allocations_since_last > 0);
  }
  EXPECT_EQ(observers_[0].allocations_since_last, 0u);
}

// For ThreadSanitizer.
TEST_P(WorkerThreadTest, SnapshotsAreSwappedWhileWorkersServe) {
  start_backend();
  start_workers(2);
  for (int i = 0; i < 32; ++i) {
    const auto stream = ask();
    publish();
    EXPECT_THAT(read_all(*stream), EndsWith("\r\n\r\nfrom the backend"));
    publish();
  }
}

TEST_P(WorkerThreadTest, ADrainedWorkerEndsAndFreesItsPort) {
  start_backend();
  start_workers(2);
  const auto idle = connect();
  for (auto& worker : workers_)
    worker->drain();
  EXPECT_TRUE(all_ended());
  EXPECT_EQ(connect(), nullptr);
  EXPECT_EQ(connect_error_, ErrorKind::refused);
  EXPECT_TRUE(listen_at(loop_, {IpAddress::v4({127, 0, 0, 1}), port_, "PROXY_PORT"}).has_value());
}

TEST_P(WorkerThreadTest, ADrainLetsTheRequestInFlightFinish) {
  start_workers(1);
  const auto client = ask();
  const auto upstream = accept_one(loop_, *listener_);
  workers_[0]->drain();
  const WriteBuffer response = bytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
  ASSERT_TRUE(upstream->try_write(std::span(&response, 1)).has_value());
  EXPECT_THAT(read_all(*client), EndsWith("late"));
  EXPECT_TRUE(all_ended());
}

// A session is over when its last bytes have been accepted: with io_uring the system may not have taken them yet.
TEST_P(WorkerThreadTest, ADrainWaitsUntilASlowClientHasRoomForTheLastBytes) {
  const int client = client_without_room_for_the_last_bytes();
  workers_[0]->drain();
  turn_for(2500ms);  // more than a loop that ends has for it
  std::string buffer(1 << 16, '\0');
  std::size_t received = 0;
  ssize_t count = 1;
  const Instant limit = loop_.clock().now() + 10s;
  while (count != 0 && loop_.clock().now() < limit) {
    count = ::recv(client, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) received += static_cast<std::size_t>(count);
    if (count < 0) {
      ASSERT_EQ(errno, EAGAIN);
      loop_.run_one(1ms);
    }
  }
  EXPECT_EQ(count, 0);
  EXPECT_GT(received, answers_ * pages_.body.size());
  EXPECT_TRUE(all_ended());
  ::close(client);
}

TEST_P(WorkerThreadTest, ACutDoesNotWaitForASlowClient) {
  const int client = client_without_room_for_the_last_bytes();
  workers_[0]->drain();
  turn_for(50ms);
  workers_[0]->cut();
  EXPECT_TRUE(all_ended());
  ::close(client);
}

TEST_P(WorkerThreadTest, ACutEndsTheRequestThatTheDrainWaitsFor) {
  start_workers(1);
  const auto client = ask();
  const auto upstream = accept_one(loop_, *listener_);  // and never answers
  ASSERT_TRUE(run_until(loop_, [&] { return observers_[0].exchanges == 1; }));
  workers_[0]->drain();
  EXPECT_EQ(ended_, 0);
  workers_[0]->cut();
  EXPECT_TRUE(all_ended());
  EXPECT_EQ(read_all(*client).find("200 OK"), std::string::npos);
}

TEST_P(WorkerThreadTest, APortInUseIsNamedWithTheSettingToChange) {
  const auto taken = listen_at(loop_, {IpAddress::v4({127, 0, 0, 1}), listener_->local().port, "PROXY_PORT"});
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error(), "port " + std::to_string(listener_->local().port) +
                               " is in use; stop what uses it, or set PROXY_PORT to another port");
}

TEST_P(WorkerThreadTest, AnAddressOfAnotherMachineIsNamed) {
  const auto foreign = listen_at(loop_, {IpAddress::v4({192, 0, 2, 1}), 0, "PROXY_PORT"});
  ASSERT_FALSE(foreign.has_value());
  EXPECT_THAT(foreign.error(), HasSubstr("192.0.2.1 is no address of this machine"));
}

}  // namespace
}  // namespace gopher::test
