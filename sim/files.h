// The files that gopher-sim reads and writes; what is wrong with one is told on standard error.
#pragma once

#include <optional>
#include <string>

namespace gopher::sim {

// The whole file; nothing when it cannot be read, is a folder, or is larger than any scenario.
std::optional<std::string> read_file(const std::string& file);
// False when it could not be written.
bool write_file(const std::string& file, const std::string& text);
// As a shell takes it for one word.
std::string quoted(const std::string& text);

}  // namespace gopher::sim
