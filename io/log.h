// JsonLog: JSON lines on a descriptor, written by a thread of its own.
//
//   {"time":"2025-01-31T12:00:00.123Z","level":"INFO","msg":"request","method":"GET",…}
//
// The caller's thread formats the fields and hands them to spdlog's bounded queue; the log's thread adds time and
// level, gathers lines and writes them. When the queue is full the oldest line is dropped, never the caller delayed:
// the number of dropped lines is told in a line of the log and by dropped_lines().
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "core/ports/time.h"
#include "io/log_json.h"

namespace gopher {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

// "debug", "info", "warn", "error", in any case; nothing for another word.
std::optional<LogLevel> parse_log_level(std::string_view text);

// A field of a plain call: log.info("listening", {{"port", 8080}, {"address", text}}). Lives during the call.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool, Duration>;

  template <class T>
  LogField(std::string_view field, const T& given) : name(field), value(convert(given)) {}

  std::string_view name;
  Value value;

 private:
  template <class T>
  static Value convert(const T& given) {
    if constexpr (std::is_same_v<T, bool>) {
      return given;
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      return static_cast<std::int64_t>(given);
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<std::uint64_t>(given);
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(given);
    } else if constexpr (std::is_convertible_v<T, Duration>) {
      return Duration(given);  // written in milliseconds
    } else {
      return std::string_view(given);
    }
  }
};

struct LogSettings {
  LogLevel level = LogLevel::info;
  int descriptor = 1;  // not owned, never closed
  std::size_t queue_lines = 8192;
};

// Any thread, all calls.
class JsonLog {
 public:
  explicit JsonLog(const LogSettings& settings);
  // Flushes within 5 seconds. If whoever should read the descriptor does not, the thread is left behind rather than the
  // process kept from ending.
  ~JsonLog();
  JsonLog(const JsonLog&) = delete;
  JsonLog& operator=(const JsonLog&) = delete;

  bool enabled(LogLevel level) const noexcept { return level >= level_; }

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, message, fields);
  }
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);
  // The fast way: fields that stand ready, the message among them as the first ("msg").
  void post(LogLevel level, const JsonFields& fields);

  // Returns when every line that was queued before is written; false when that took longer than `limit`.
  bool flush(Duration limit = std::chrono::seconds(5));
  std::uint64_t dropped_lines() const;

 private:
  struct Writer;
  LogLevel level_;
  std::unique_ptr<Writer> writer_;
};

// The buffer of this thread for the line that it is about to post, empty.
JsonFields& thread_log_fields();

}  // namespace gopher
