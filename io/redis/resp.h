// RESP, the protocol of Redis: commands to bytes, and bytes to replies. The bytes are read and written by hiredis
// (0.14 and 1.2 alike); the bounds are ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/error.h"

namespace gopher {

using RedisCommand = std::vector<std::string>;  // name and arguments, not empty

std::string encode(std::span<const RedisCommand> commands);

struct RespValue {
  enum class Type : std::uint8_t { nil, status, error, integer, bulk, array };
  Type type = Type::nil;
  std::string text;                 // of a status, error or bulk string
  std::int64_t integer = 0;         // of an integer
  std::vector<RespValue> elements;  // of an array

  bool is_error() const noexcept { return type == Type::error; }
  friend bool operator==(const RespValue&, const RespValue&) = default;
};

struct RespLimits {
  std::size_t max_bytes = 16 * 1024 * 1024;  // of all that is fed between two calls of begin()
  std::size_t max_values = 1024 * 1024;      // of one reply, nested ones included
  std::size_t max_depth = 4;                 // arrays within arrays; ours have 2
};

// Reads replies from bytes as they come. After an error it stays failed until it is replaced.
class RespReader {
 public:
  explicit RespReader(const RespLimits& limits);
  ~RespReader();
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  // Replies to new commands follow: the count of bytes begins anew.
  void begin() noexcept;
  // Error: too_large.
  std::expected<void, ErrorKind> feed(std::span<const std::byte> bytes);
  // The next whole reply; nothing when more bytes are needed. Errors: malformed, too_large.
  std::expected<std::optional<RespValue>, ErrorKind> next();
  // True when bytes are left that belong to no reply taken so far.
  bool has_leftover() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gopher
