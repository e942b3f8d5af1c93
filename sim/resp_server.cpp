#include "sim/resp_server.h"

#include <charconv>

namespace gopher::sim::resp {

void CommandReader::feed(std::span<const std::byte> bytes) {
  bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::size_t> CommandReader::line(char mark, std::size_t& at, std::size_t most) {
  if (at >= bytes_.size()) return std::nullopt;
  const auto end = bytes_.find("\r\n", at);
  if (end == std::string::npos) {
    failed_ = bytes_[at] != mark || bytes_.size() - at > 32;
    return std::nullopt;
  }
  std::size_t value = 0;
  const auto [stopped, fault] = std::from_chars(bytes_.data() + at + 1, bytes_.data() + end, value);
  failed_ = bytes_[at] != mark || fault != std::errc() || stopped != bytes_.data() + end || value > most;
  if (failed_) return std::nullopt;
  at = end + 2;
  return value;
}

std::optional<Command> CommandReader::next() {
  if (failed_) return std::nullopt;
  std::size_t at = 0;
  const auto count = line('*', at, kMaxArguments);
  if (!count) return std::nullopt;
  if (*count == 0) failed_ = true;
  Command command;
  for (std::size_t i = 0; i < *count; ++i) {
    const auto length = line('$', at, kMaxBulkBytes);
    if (!length || bytes_.size() < at + *length + 2) return std::nullopt;
    command.emplace_back(bytes_, at, *length);
    at += *length;
    if (bytes_.compare(at, 2, "\r\n") != 0) {
      failed_ = true;
      return std::nullopt;
    }
    at += 2;
  }
  if (failed_) return std::nullopt;
  bytes_.erase(0, at);
  return command;
}

std::string status(std::string_view text) { return '+' + std::string(text) + "\r\n"; }
std::string error(std::string_view text) { return '-' + std::string(text) + "\r\n"; }
std::string integer(std::int64_t value) { return ':' + std::to_string(value) + "\r\n"; }
std::string bulk(std::string_view text) {
  return '$' + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
std::string array_head(std::size_t elements) { return '*' + std::to_string(elements) + "\r\n"; }

}  // namespace gopher::sim::resp
