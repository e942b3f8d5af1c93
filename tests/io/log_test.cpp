#include "io/log.h"

#include <chrono>
#include <fcntl.h>
#include <regex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "io/log_observer.h"

namespace gopher {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A file without a name that a log writes to and a test reads.
class LogFile {
 public:
  LogFile() {
    char name[] = "/tmp/gopher-log-XXXXXX";
    descriptor_ = mkstemp(name);
    unlink(name);
  }
  ~LogFile() { close(descriptor_); }
  int descriptor() const { return descriptor_; }

  std::string text() const {
    std::string all(static_cast<std::size_t>(lseek(descriptor_, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(descriptor_, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return all;
  }
  // Every line parsed; a line that is not JSON fails the test.
  std::vector<json> lines() const {
    std::vector<json> parsed;
    const std::string all = text();
    std::size_t begin = 0;
    for (std::size_t end; (end = all.find('\n', begin)) != std::string::npos; begin = end + 1) {
      parsed.push_back(json::parse(all.substr(begin, end - begin), nullptr, false));
      EXPECT_FALSE(parsed.back().is_discarded()) << all.substr(begin, end - begin);
    }
    EXPECT_EQ(begin, all.size()) << "an unfinished line";
    return parsed;
  }

 private:
  int descriptor_;
};

struct LogTest : testing::Test {
  json only_line() {
    EXPECT_TRUE(log.flush());
    const auto lines = file.lines();
    EXPECT_EQ(lines.size(), 1u);
    return lines.empty() ? json() : lines.front();
  }
  RequestFinished request() const {
    return {.method = "GET",
            .target = "/a?token=secret",
            .client = client,
            .client_port = 4711,
            .status = 200,
            .cause = Cause::completed,
            .answered_by_backend = true,
            .backend = "127.0.0.1:8081",
            .bytes_in = 7,
            .bytes_out = 51,
            .request_id = "0123456789abcdef",
            .attempts = 1,
            .reused_connection = false,
            .duration = std::chrono::microseconds(12345),
            .first_byte = std::chrono::microseconds(12000)};
  }

  LogFile file;
  JsonLog log{{.level = LogLevel::debug, .descriptor = file.descriptor()}};
  LogObserver observer{log, {}};
  IpAddress client = *IpAddress::parse("192.0.2.7");
};

TEST_F(LogTest, APlainLineHasTimeLevelMessageAndFields) {
  log.warn("listening", {{"address", std::string("[::1]:8080")}, {"port", 8080}, {"ok", true}, {"wait", seconds(2)}});
  const json line = only_line();
  EXPECT_TRUE(std::regex_match(line["time"].get<std::string>(),
                               std::regex("20\\d\\d-[01]\\d-[0-3]\\dT[0-2]\\d:[0-5]\\d:[0-5]\\d\\.\\d{3}Z")));
  EXPECT_EQ(line["level"], "WARN");
  EXPECT_EQ(line["msg"], "listening");
  EXPECT_EQ(line["address"], "[::1]:8080");
  EXPECT_EQ(line["port"], 8080);
  EXPECT_EQ(line["ok"], true);
  EXPECT_EQ(line["wait"], 2000.0);
}

TEST_F(LogTest, ARequestLineHasTheFieldsOfTheContract) {
  observer.on(request());
  const std::string text = (log.flush(), file.text());
  EXPECT_THAT(text, testing::HasSubstr("\"duration_ms\":12.345,"));
  const json line = only_line();
  EXPECT_EQ(line["level"], "INFO");
  EXPECT_EQ(line["msg"], "request");
  EXPECT_EQ(line["method"], "GET");
  EXPECT_EQ(line["path"], "/a") << "the query may hold secrets";
  EXPECT_EQ(line["remote_addr"], "192.0.2.7:4711");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["backend"], "127.0.0.1:8081");
  EXPECT_EQ(line["bytes_in"], 7);
  EXPECT_EQ(line["bytes_out"], 51);
  EXPECT_EQ(line["request_id"], "0123456789abcdef");
  EXPECT_EQ(line["cause"], "completed");
  EXPECT_FALSE(line.contains("attempts")) << "only when there was more than one";
}

TEST_F(LogTest, AClientThatAProxyNamesHasNoPort) {
  RequestFinished event = request();
  client = *IpAddress::parse("2001:db8::7");
  observer.on(event);
  event.client_port = 0;
  observer.on(event);
  log.flush();
  EXPECT_EQ(file.lines()[0]["remote_addr"], "[2001:db8::7]:4711");
  EXPECT_EQ(file.lines()[1]["remote_addr"], "2001:db8::7");
}

TEST_F(LogTest, ARetriedRequestTellsItsAttempts) {
  auto event = request();
  event.attempts = 3;
  observer.on(event);
  EXPECT_EQ(only_line()["attempts"], 3);
}

TEST_F(LogTest, NoClientForgesALine) {
  auto event = request();
  const std::string forged = "/x\"}\n{\"msg\":\"request\",\"status\":200}\r\x1b[2J\x7f\t\\";
  event.target = forged;
  event.request_id = "a\xe2\x80\xa8z\xc2\x9b\xe2\x80\xae";  // line separator, C1 CSI, right-to-left override
  observer.on(event);
  const json line = only_line();
  EXPECT_EQ(line["path"], forged);
  EXPECT_EQ(line["request_id"], event.request_id);
  const std::string text = file.text();
  for (const char c : text.substr(0, text.size() - 1))
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f) << int(c);
  EXPECT_THAT(text, testing::HasSubstr("\\u2028z\\u009b\\u202e"));
  EXPECT_THAT(text, testing::HasSubstr("\\u001b[2J\\u007f"));
}

TEST_F(LogTest, OctetsThatAreNotUtf8AreReplacedOneByOne) {
  auto event = request();
  // Overlong, surrogate, beyond the last code point, cut short; then good ones.
  event.target = "/\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82|é€😀\xff";
  observer.on(event);
  const std::string bad = "\uFFFD";
  EXPECT_EQ(only_line()["path"],
            "/" + bad + bad + "|" + bad + bad + bad + "|" + bad + bad + bad + bad + "|" + bad + bad + "|é€😀" + bad);
}

TEST_F(LogTest, HugeValuesAreCutWithAMark) {
  auto event = request();
  const std::string path = "/" + std::string(8000, 'p');
  const std::string method(255, 'M');
  const std::string euros = method + "€" + std::string(100, 'x');  // the bound falls into the euro sign
  event.target = path;
  event.method = euros;
  observer.on(event);
  const json line = only_line();
  EXPECT_EQ(line["path"], path.substr(0, 2048) + "…(+5953 bytes)");
  EXPECT_EQ(line["method"], method + "…(+103 bytes)");
}

TEST_F(LogTest, EveryEventIsALineOfValidJson) {
  const SocketAddress peer{*IpAddress::parse("2001:db8::1"), 4711};
  const std::string_view nasty = "\"\n\x80 host:80";
  const Error refused{ErrorKind::refused, ErrorSource::upstream, Retry::on_other_backend};
  const std::vector<std::pair<Event, std::string>> events = {
      {ConnectionAccepted{peer}, "connection accepted"},
      {ConnectionClosed{peer}, "connection closed"},
      {AcceptPaused{ErrorKind::exhausted}, "accepting paused"},
      {request(), "request"},
      {ExchangeBegan{nasty}, "exchange began"},
      {ExchangeEnded{nasty}, "exchange ended"},
      {UpstreamConnectionOpened{nasty}, "upstream connection opened"},
      {UpstreamConnectionReused{nasty}, "upstream connection reused"},
      {UpstreamConnectionClosed{nasty}, "upstream connection closed"},
      {UpstreamConnectFailed{nasty, ErrorKind::refused}, "upstream connect failed"},
      {RequestRetried{nasty, refused}, "request retried"},
      {BackendEjected{nasty, 2, seconds(1), Cause::connect_refused}, "backend ejected"},
      {BackendReturned{nasty}, "backend returned"},
      {ProbeFinished{nasty, false, ErrorKind::timed_out, 0, milliseconds(1000)}, "probe finished"},
      {VerdictChanged{nasty, Verdict::up, Verdict::down, ErrorKind::refused}, "backend verdict changed"},
      {MemberAdded{nasty}, "backend added"},
      {MemberRemoved{nasty}, "backend removed"},
      {MemberRejected{nasty, "no port"}, "member rejected"},
      {RejectedMemberGone{nasty}, "rejected member gone"},
      {PoolChanged{3, 2}, "pool changed"},
      {RegistryFailed{refused, nasty, 1, seconds(1)}, "registry failed"},
      {RegistrySucceeded{true}, "registry recovered"},
      {RegistryWritten{1, 0}, "registry written"},
  };
  ASSERT_EQ(events.size(), std::variant_size_v<Event>) << "a new event needs its line";
  for (const auto& [event, message] : events)
    observer.on(event);
  ASSERT_TRUE(log.flush());
  const auto lines = file.lines();
  ASSERT_EQ(lines.size(), events.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["msg"], events[i].second);
    if (lines[i].contains("backend") && lines[i]["msg"] != "request") {
      EXPECT_EQ(lines[i]["backend"], "\"\n\uFFFD host:80");
    }
  }
}

TEST_F(LogTest, ALongOutageIsNoFlood) {
  for (std::uint32_t failures = 1; failures <= 1000; ++failures)
    observer.on(RegistryFailed{{ErrorKind::refused, ErrorSource::registry}, "", failures, seconds(5)});
  ASSERT_TRUE(log.flush());
  const auto lines = file.lines();
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines.front()["consecutive_failures"], 1);
  EXPECT_EQ(lines.back()["consecutive_failures"], 512);
}

TEST_F(LogTest, RepeatedAcceptPausesAreOneLine) {
  for (int i = 0; i < 100; ++i)
    observer.on(AcceptPaused{ErrorKind::exhausted});
  ASSERT_TRUE(log.flush());
  EXPECT_LT(file.lines().size(), 50u);
}

TEST_F(LogTest, LevelAndAccessLogTurnLinesOff) {
  JsonLog warnings({.level = LogLevel::warn, .descriptor = file.descriptor()});
  LogObserver of_warnings(warnings, {});
  LogObserver without_access(log, {.access_log = false});
  of_warnings.on(request());
  of_warnings.on(MemberAdded{"a:1"});
  without_access.on(request());
  of_warnings.on(MemberRejected{"x", "y"});
  ASSERT_TRUE(warnings.flush());
  EXPECT_EQ(only_line()["msg"], "member rejected");
}

TEST(LogLevels, AreReadInAnyCase) {
  EXPECT_EQ(parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(parse_log_level("WARN"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("verbose"), std::nullopt);
}

TEST(LogQueue, FlushLosesNothingThatManyThreadsQueued) {
  LogFile file;
  {
    JsonLog log({.descriptor = file.descriptor()});
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer)
      writers.emplace_back([&log, writer] {
        for (int i = 0; i < 1000; ++i)
          log.info("line", {{"writer", writer}, {"i", i}});
      });
    for (auto& writer : writers)
      writer.join();
  }
  std::vector<int> next(4, 0);
  for (const json& line : file.lines())
    EXPECT_EQ(line["i"], next[line["writer"].get<std::size_t>()]++);
  EXPECT_EQ(next, std::vector<int>(4, 1000));
}

// Nothing comes after the last line that could push it out: it must not wait for more.
TEST(LogQueue, TheLastLineIsWrittenWithoutAFlush) {
  LogFile file;
  JsonLog log({.descriptor = file.descriptor()});
  const std::string filling(250, 'x');
  std::string all;
  for (int burst = 1; burst <= 5; ++burst) {
    for (int i = 0; i < 1000; ++i)
      log.info("line", {{"i", i}, {"filling", filling}});
    const auto limit = std::chrono::steady_clock::now() + seconds(10);
    std::ptrdiff_t written = 0;
    while (written < burst * 1000 && std::chrono::steady_clock::now() < limit) {
      std::this_thread::yield();
      all = file.text();
      written = std::count(all.begin(), all.end(), '\n');
    }
    ASSERT_EQ(written, burst * 1000);
  }
}

// A pipe that nobody reads stops the log's thread; what no longer fits drops the oldest and is told.
TEST(LogQueue, AFullQueueDropsTheOldestAndSaysHowMany) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  // Less than a full queue, however slowly the log's thread gets to write.
  ASSERT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
  constexpr int kLines = 3000;
  std::string text;
  std::uint64_t dropped = 0;
  {
    JsonLog log({.descriptor = ends[1], .queue_lines = 16});
    const std::string filling(200, 'x');
    for (int i = 0; i < kLines; ++i)
      log.info("line", {{"i", i}, {"filling", filling}});
    dropped = log.dropped_lines();
    EXPECT_GT(dropped, 0u);
    EXPECT_FALSE(log.flush(milliseconds(10))) << "nobody reads yet";
    std::thread reader([&] {
      char buffer[65536];
      for (ssize_t got; (got = ::read(ends[0], buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(got));
    });
    EXPECT_TRUE(log.flush());
    dropped = log.dropped_lines();
    close(ends[1]);
    reader.join();
    ends[1] = -1;
  }
  close(ends[0]);

  std::uint64_t lines = 0;
  std::uint64_t told = 0;
  int last = -1;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const json line = json::parse(text.substr(begin, end - begin));
    if (line["msg"] == "log lines dropped") {
      told += line["lines"].get<std::uint64_t>();
      continue;
    }
    ++lines;
    EXPECT_GT(line["i"].get<int>(), last) << "in order";
    last = line["i"].get<int>();
  }
  EXPECT_EQ(last, kLines - 1) << "the newest survives";
  EXPECT_EQ(told, dropped);
  // A mark of flush() that was pushed out counts as dropped too; none is here, as no line follows it.
  EXPECT_EQ(lines + dropped, static_cast<std::uint64_t>(kLines));
}

TEST(LogQueue, AReaderThatWentAwayDoesNotEndTheProcess) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  JsonLog log({.descriptor = ends[1]});
  log.info("to nobody");
  EXPECT_TRUE(log.flush());
  close(ends[1]);
}

}  // namespace
}  // namespace gopher
