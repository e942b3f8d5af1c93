#include "sim/files.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>

namespace gopher::sim {

namespace {

// A larger file is no scenario.
constexpr std::size_t kMaxFileBytes = 4 * 1024 * 1024;

}  // namespace

std::optional<std::string> read_file(const std::string& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    std::cerr << file << ": is a folder\n";
    return std::nullopt;
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  if (stream.is_open() && !stream.bad() && text.size() <= kMaxFileBytes) return text;
  std::cerr << file << ": cannot be read" << (text.size() > kMaxFileBytes ? ", it is larger than 4 MiB" : "") << '\n';
  return std::nullopt;
}

bool write_file(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) std::cerr << file << ": cannot be written\n";
  return static_cast<bool>(stream);
}

std::string quoted(const std::string& text) {
  std::string quote = "'";
  for (const char c : text)
    quote += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quote + '\'';
}

}  // namespace gopher::sim
