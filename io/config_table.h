// SettingsTable: one table of settings that is at once the flags, the environment variables, --help and the README's
// table. A row binds a name to a field of a plain struct; the field's value before reading is its default.
//
// The table keeps references to the fields: it is made, read and dropped while the struct stands still.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/time.h"
#include "core/session/settings.h"

namespace gopher {

// What a start ends with instead of a configuration: a refusal (exit code 2, one line for stderr), or something that
// was asked for in place of running, such as --help (exit code 0, text for stdout).
struct StartRefusal {
  int exit_code = 2;
  std::string message;  // without the last newline
};

// The value of an environment variable, null when it is not set. Called on the starting thread only.
using EnvironmentLookup = std::function<const char*(const char* name)>;

class SettingsTable {
 public:
  // `program` is the name at the front of every message, `purpose` the first line of --help.
  SettingsTable(std::string program, std::string purpose)
      : program_(std::move(program)), purpose_(std::move(purpose)) {}

  // The rows that follow belong to this group.
  void group(std::string_view title) { group_ = title; }

  // Each row's flag is its variable in lower case with dashes: CONNECT_TIMEOUT, --connect-timeout. `about` says what
  // the value does, in some words without a full stop.
  void duration(std::string_view variable, Duration& field, Duration least, Duration most, std::string_view about);
  void size(std::string_view variable, std::size_t& field, std::size_t least, std::size_t most, std::string_view about);
  template <class Number>
  void count(std::string_view variable, Number& field, std::uint64_t least, std::uint64_t most,
             std::string_view about) {
    add_count(variable, static_cast<std::uint64_t>(field), least, most, about,
              [&field](std::uint64_t value) { field = static_cast<Number>(value); });
  }
  // `most` in thousandths, as the field.
  void millis(std::string_view variable, std::uint64_t& field, std::uint64_t most, std::string_view about);
  // 0 stands for any free port.
  void port(std::string_view variable, std::uint16_t& field, std::string_view about);
  void on_off(std::string_view variable, bool& field, std::string_view about);
  void endpoints(std::string_view variable, std::vector<Endpoint>& field, std::string_view about);
  void prefixes(std::string_view variable, std::vector<AddressPrefix>& field, std::string_view about);
  // An address of this machine; nothing stands for all of them, written `all`.
  void listen_address(std::string_view variable, std::optional<IpAddress>& field, std::string_view about);

  // Any other text. `assign` takes it, or says in words why not ("" when `wants` says it all).
  struct Text {
    std::string_view variable;
    std::string_view value_name;    // for --help: "URL"
    std::string_view wants;         // follows "wants": "host:port or redis://…"
    std::string_view default_text;  // for --help
    std::string_view about;
    std::function<std::expected<void, std::string>(std::string_view)> assign;
    // What of a refused text may be shown; null shows all of it.
    std::string (*shown)(std::string_view) = nullptr;
  };
  void text(Text row);

  // Offers --health, which sets the field.
  void health_check(bool& field) { health_check_ = &field; }

  // Fills the fields: a flag goes before its variable, and the last of repeated flags counts. An empty variable counts
  // as unset. --help, --help-markdown and --version come back as refusals with exit code 0.
  std::expected<void, StartRefusal> read(int argc, const char* const* argv, const EnvironmentLookup& environment,
                                         std::string_view version_line);

  // --check-config was given.
  bool check_only() const noexcept { return check_only_; }
  // What --check-config answers when all that was read is right.
  StartRefusal valid() const { return {0, "configuration is valid"}; }
  // Whether a flag or variable gave this setting, and the name it was given by (its variable when it was not given).
  bool given(std::string_view variable) const;
  std::string name_of(std::string_view variable) const;
  // A refusal of values that do not go together.
  StartRefusal refuse(std::string message) const { return {2, program_ + ": " + std::move(message)}; }
  // The README's table.
  std::string markdown() const;

 private:
  struct Row {
    std::string variable;
    std::string flag;
    std::string group;
    std::string value_name;
    std::string wants;     // what is right, in words
    std::string examples;  // goes on from `wants` in a refusal
    std::string default_text;
    std::string about;
    std::function<std::expected<void, std::string>(std::string_view)> assign;
    std::string (*shown)(std::string_view) = nullptr;
    std::string given_as;
  };
  void add_count(std::string_view variable, std::uint64_t preset, std::uint64_t least, std::uint64_t most,
                 std::string_view about, std::function<void(std::uint64_t)> assign);
  void add(std::string_view variable, std::string_view value_name, std::string wants, std::string default_text,
           std::string_view about, std::function<std::expected<void, std::string>(std::string_view)> assign);
  std::expected<void, StartRefusal> assign(Row& row, std::string given_as, std::string_view text);
  std::optional<StartRefusal> missing_value(int argc, const char* const* argv) const;
  StartRefusal unknown_argument(const std::vector<std::string>& arguments, int argc, const char* const* argv) const;
  const Row& row(std::string_view variable) const;

  std::string program_;
  std::string purpose_;
  std::string group_;
  std::vector<Row> rows_;
  bool check_only_ = false;
  bool* health_check_ = nullptr;
};

}  // namespace gopher
