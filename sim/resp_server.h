// The server's side of RESP2 (redis.io, "Redis serialization protocol"): commands from bytes, replies to bytes.
// Written apart from io/redis, whose reader it is there to test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gopher::sim::resp {

using Command = std::vector<std::string>;  // name and arguments, not empty

// Reads commands, arrays of bulk strings, from bytes as they come. Failed for good once the bytes are no such array.
class CommandReader {
 public:
  // As Redis bounds them: proto-max-bulk-len is larger, but no client here sends more.
  static constexpr std::size_t kMaxArguments = 1024 * 1024;
  static constexpr std::size_t kMaxBulkBytes = 16 * 1024 * 1024;

  void feed(std::span<const std::byte> bytes);
  // The next whole command; nothing when more bytes are needed, or when failed().
  std::optional<Command> next();
  bool failed() const noexcept { return failed_; }

 private:
  // The number of a line "<mark>digits\r\n" at `at`, which then moves behind it.
  std::optional<std::size_t> line(char mark, std::size_t& at, std::size_t most);

  std::string bytes_;
  bool failed_ = false;
};

std::string status(std::string_view text);
std::string error(std::string_view text);
std::string integer(std::int64_t value);
std::string bulk(std::string_view text);
std::string array_head(std::size_t elements);
inline constexpr std::string_view kNilArray = "*-1\r\n";

}  // namespace gopher::sim::resp
