#include "io/log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <poll.h>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>

namespace gopher {
namespace {

// Lines gathered before a write although more are waiting.
constexpr std::size_t kWriteBytes = 32768;
// How long the first line of a write waits for others. While the thread sleeps, a worker that posts a line makes no
// system call to wake it, and there are fewer writes.
constexpr auto kGatherTime = std::chrono::milliseconds(1);
// A message of this level is no line but a mark of flush().
constexpr auto kMarkLevel = spdlog::level::trace;

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return "DEBUG";
    case spdlog::level::info: return "INFO";
    case spdlog::level::warn: return "WARN";
    default: return "ERROR";
  }
}

// Signals belong to the threads that wait for them, and a reader that went away must not kill the process by SIGPIPE.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// Runs on the log's thread only, but for wait_for_mark().
class LineSink final : public spdlog::sinks::sink {
 public:
  explicit LineSink(int descriptor) : descriptor_(descriptor) {}

  // The pool outlives every call of log(): its own thread makes them.
  void set_pool(spdlog::details::thread_pool& pool) { pool_ = &pool; }

  void log(const spdlog::details::log_msg& message) override {
    if (seen_waiting_ > 0) --seen_waiting_;
    if (message.level == kMarkLevel) return see_mark({message.payload.data(), message.payload.size()});
    append(message.time, message.level, {message.payload.data(), message.payload.size()});
    // What was seen waiting is still there (a dropped line makes room for a newer one): the queue need not be locked
    // and asked again before that many have come.
    if (seen_waiting_ == 0) seen_waiting_ = pool_->queue_size();
    if (seen_waiting_ == 0 && !gathering_) {
      gathering_ = true;
      std::this_thread::sleep_for(kGatherTime);
      seen_waiting_ = pool_->queue_size();
    }
    if (seen_waiting_ == 0 || pending_.size() >= kWriteBytes) write_pending();
  }

  void flush() override { write_pending(); }

  bool wait_for_mark(std::uint64_t mark, Duration limit) {
    std::unique_lock lock(mutex_);
    return marked_.wait_for(lock, limit, [&] { return seen_mark_ >= mark; });
  }

  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  void see_mark(std::string_view text) {
    write_pending();
    std::uint64_t mark = 0;
    std::from_chars(text.data(), text.data() + text.size(), mark);
    {
      const std::scoped_lock lock(mutex_);
      seen_mark_ = std::max(seen_mark_, mark);
    }
    marked_.notify_all();
  }

  void append(std::chrono::system_clock::time_point time, spdlog::level::level_enum level, std::string_view fields) {
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    if (second != second_) format_second(second);
    const auto millisecond = std::chrono::floor<std::chrono::milliseconds>(time - second).count();
    pending_.append("{\"time\":\"").append(second_text_);
    pending_.push_back(static_cast<char>('0' + millisecond / 100));
    pending_.push_back(static_cast<char>('0' + millisecond / 10 % 10));
    pending_.push_back(static_cast<char>('0' + millisecond % 10));
    pending_.append("Z\",\"level\":\"").append(level_name(level)).append("\"").append(fields).append("}\n");
  }

  // "2025-01-31T12:00:00." of RFC 3339; the same for a whole second of lines.
  void format_second(std::chrono::sys_seconds second) {
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(second - day);
    char text[64];
    const int length = std::snprintf(
        text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    second_text_.assign(text, static_cast<std::size_t>(length));
    second_ = second;
  }

  void write_pending() {
    gathering_ = false;
    const std::uint64_t dropped = pool_->overrun_counter();
    if (dropped > dropped_told_) {
      fields_.clear();
      fields_.text("msg", "log lines dropped").number("lines", dropped - dropped_told_).number("lines_total", dropped);
      append(std::chrono::system_clock::now(), spdlog::level::warn, fields_.view());
      dropped_told_ = dropped;
    }
    std::string_view rest = pending_;
    while (!rest.empty()) {
      const auto written = ::write(descriptor_, rest.data(), rest.size());
      if (written > 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (written < 0 && errno == EAGAIN) {
        // Whoever shares the descriptor has made it non-blocking.
        pollfd writable{descriptor_, POLLOUT, 0};
        ::poll(&writable, 1, 1000);
      } else if (written == 0 || errno != EINTR) {
        break;  // nobody can be told: the log itself is gone
      }
    }
    pending_.clear();
  }

  const int descriptor_;
  spdlog::details::thread_pool* pool_ = nullptr;
  std::string pending_;
  std::string second_text_;
  std::chrono::sys_seconds second_ = std::chrono::sys_seconds::min();
  JsonFields fields_;
  std::uint64_t dropped_told_ = 0;
  std::size_t seen_waiting_ = 0;  // in the queue, at least
  bool gathering_ = false;        // the first line of this write has waited

  std::mutex mutex_;
  std::condition_variable marked_;
  std::uint64_t seen_mark_ = 0;
};

}  // namespace

struct JsonLog::Writer {
  explicit Writer(const LogSettings& settings)
      : sink(std::make_shared<LineSink>(settings.descriptor)),
        queue_lines(std::max<std::size_t>(settings.queue_lines, 1)),
        pool(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1, block_signals,
                                                            [written = sink] { written->flush(); })),
        logger(std::make_shared<spdlog::async_logger>("", sink, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    sink->set_pool(*pool);
    logger->set_level(to_spdlog(settings.level));
  }

  // The log's thread ends before the logger that its last lines belong to.
  ~Writer() { pool.reset(); }

  std::shared_ptr<LineSink> sink;
  std::size_t queue_lines;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<std::uint64_t> next_mark{0};
};

std::optional<LogLevel> parse_log_level(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (lower == "debug") return LogLevel::debug;
  if (lower == "info") return LogLevel::info;
  if (lower == "warn") return LogLevel::warn;
  if (lower == "error") return LogLevel::error;
  return std::nullopt;
}

JsonLog::JsonLog(const LogSettings& settings) : level_(settings.level), writer_(std::make_unique<Writer>(settings)) {}

JsonLog::~JsonLog() {
  if (!flush()) static_cast<void>(writer_.release());
}

void JsonLog::post(LogLevel level, const JsonFields& fields) {
  const auto text = fields.view();
  writer_->logger->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

void JsonLog::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  JsonFields& line = thread_log_fields();
  line.text("msg", message);
  for (const LogField& field : fields) {
    std::visit(
        [&](const auto& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::string_view>) {
            line.text(field.name, value);
          } else if constexpr (std::is_same_v<Value, bool>) {
            line.boolean(field.name, value);
          } else if constexpr (std::is_same_v<Value, Duration>) {
            line.milliseconds(field.name, value);
          } else {
            line.number(field.name, value);
          }
        },
        field.value);
  }
  post(level, line);
}

bool JsonLog::flush(Duration limit) {
  // The queue is first in, first out: once the mark comes out of it, so have all lines posted before. The mark is
  // posted only when there is room, so that it pushes no line out; lines of other threads may push the mark out, so it
  // is posted again until it is seen.
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const std::uint64_t mark = writer_->next_mark.fetch_add(1) + 1;
  const std::string payload = std::to_string(mark);
  const spdlog::details::log_msg message(spdlog::source_loc{}, "", kMarkLevel, payload);
  while (std::chrono::steady_clock::now() < deadline) {
    if (writer_->pool->queue_size() < writer_->queue_lines) {
      writer_->pool->post_log(std::shared_ptr(writer_->logger), message, spdlog::async_overflow_policy::overrun_oldest);
    }
    if (writer_->sink->wait_for_mark(mark, std::chrono::milliseconds(50))) return true;
  }
  return false;
}

std::uint64_t JsonLog::dropped_lines() const { return writer_->pool->overrun_counter(); }

JsonFields& thread_log_fields() {
  thread_local JsonFields fields;
  fields.clear();
  return fields;
}

}  // namespace gopher
