#include "io/config_table.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include <CLI/CLI.hpp>

#include "core/async/check.h"
#include "io/config_values.h"

namespace gopher {

namespace {

std::string flag_of(std::string_view variable) {
  std::string flag = "--";
  for (const char c : variable) {
    flag += c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return flag;
}

// Levenshtein's distance: how many characters must be added, dropped or replaced.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> costs(to.size() + 1);
  std::iota(costs.begin(), costs.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(costs[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = costs[j + 1];
      costs[j + 1] = std::min({replaced, costs[j] + 1, diagonal + 1});
    }
  }
  return costs.back();
}

// A URL, or what is left of one, may hold a password; what refuses the start is printed and kept in logs.
bool may_hold_password(std::string_view argument) {
  return argument.find("://") != std::string_view::npos || argument.find('@') != std::string_view::npos;
}

// The argument in quotes, or where it stands when it may hold a password.
std::string shown_argument(const std::string& argument, int argc, const char* const* argv) {
  if (!may_hold_password(argument)) return quoted_text(argument);
  const auto* const at = std::find(argv + 1, argv + argc, std::string_view(argument));
  // Of several short flags in one argument, CLI11 hands back only what it did not know.
  const std::string place = at == argv + argc ? "" : std::to_string(at - argv) + ", ";
  return place + "which is not shown because it may hold a password";
}

// Names the flag that was given a value although it takes none.
std::string unwanted_value(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    for (const std::string_view flag : {"--help", "--version", "--check-config", "--health", "--help-markdown"})
      if (argument.starts_with(flag) && argument.substr(flag.size()).starts_with('='))
        return std::string(flag) + " takes no value";
  }
  return "the arguments cannot be read";
}

// Refuses with no more words than `wants` has.
std::unexpected<std::string> refused() { return std::unexpected(std::string()); }

}  // namespace

void SettingsTable::add(std::string_view variable, std::string_view value_name, std::string wants,
                        std::string default_text, std::string_view about,
                        std::function<std::expected<void, std::string>(std::string_view)> assign) {
  rows_.push_back({std::string(variable), flag_of(variable), group_, std::string(value_name), std::move(wants), "",
                   std::move(default_text), std::string(about), std::move(assign), nullptr, ""});
}

void SettingsTable::duration(std::string_view variable, Duration& field, Duration least, Duration most,
                             std::string_view about) {
  const std::string wants = "a duration from " + format_duration(least) + " to " + format_duration(most);
  add(variable, "DURATION", wants, format_duration(field), about,
      [&field, least, most](std::string_view text) -> std::expected<void, std::string> {
        const auto value = parse_duration(text);
        if (!value || *value < least || *value > most) return refused();
        field = *value;
        return {};
      });
  rows_.back().examples = ", such as 500ms, 5s, 2m or 1h (a bare number is seconds)";
}

void SettingsTable::size(std::string_view variable, std::size_t& field, std::size_t least, std::size_t most,
                         std::string_view about) {
  const std::string wants = "a size from " + format_size(least) + " to " + format_size(most);
  add(variable, "SIZE", wants, format_size(field), about,
      [&field, least, most](std::string_view text) -> std::expected<void, std::string> {
        const auto value = parse_size(text);
        if (!value || *value < least || *value > most) return refused();
        field = *value;
        return {};
      });
  rows_.back().examples = ", such as 8192, 16KiB or 1MiB";
}

void SettingsTable::add_count(std::string_view variable, std::uint64_t preset, std::uint64_t least, std::uint64_t most,
                              std::string_view about, std::function<void(std::uint64_t)> assign_value) {
  const std::string wants = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  add(variable, "NUMBER", wants, std::to_string(preset), about,
      [assign_value = std::move(assign_value), least, most](std::string_view text) -> std::expected<void, std::string> {
        const auto value = parse_count(text);
        if (!value || *value < least || *value > most) return refused();
        assign_value(*value);
        return {};
      });
}

void SettingsTable::millis(std::string_view variable, std::uint64_t& field, std::uint64_t most,
                           std::string_view about) {
  const std::string wants = "a number from 0 to " + format_millis(most) + " with at most three decimal places";
  add(variable, "NUMBER", wants, format_millis(field), about,
      [&field, most](std::string_view text) -> std::expected<void, std::string> {
        const auto value = parse_millis(text);
        if (!value || *value > most) return refused();
        field = *value;
        return {};
      });
}

void SettingsTable::port(std::string_view variable, std::uint16_t& field, std::string_view about) {
  add(variable, "PORT", "a port from 1 to 65535, or 0 for any free one", std::to_string(field), about,
      [&field](std::string_view text) -> std::expected<void, std::string> {
        const auto value = parse_count(text);
        if (!value || *value > 65535) return refused();
        field = static_cast<std::uint16_t>(*value);
        return {};
      });
}

void SettingsTable::on_off(std::string_view variable, bool& field, std::string_view about) {
  add(variable, "on|off", "on or off", field ? "on" : "off", about,
      [&field](std::string_view text) -> std::expected<void, std::string> {
        if (text != "on" && text != "off") return refused();
        field = text == "on";
        return {};
      });
}

void SettingsTable::endpoints(std::string_view variable, std::vector<Endpoint>& field, std::string_view about) {
  std::string preset;
  for (const auto& endpoint : field)
    preset += (preset.empty() ? "" : ",") + endpoint.authority();
  add(variable, "LIST", "a comma-separated list of host:port", preset.empty() ? "none" : preset, about,
      [&field](std::string_view text) -> std::expected<void, std::string> {
        auto value = parse_endpoints(text);
        if (!value) return std::unexpected(std::move(value.error()));
        field = std::move(*value);
        return {};
      });
}

void SettingsTable::prefixes(std::string_view variable, std::vector<AddressPrefix>& field, std::string_view about) {
  GOPHER_CHECK(field.empty());
  add(variable, "LIST", "a comma-separated list of networks such as 10.0.0.0/8 or fd00::/8", "none", about,
      [&field](std::string_view text) -> std::expected<void, std::string> {
        auto value = parse_prefixes(text);
        if (!value) return std::unexpected(std::move(value.error()));
        field = std::move(*value);
        return {};
      });
}

void SettingsTable::listen_address(std::string_view variable, std::optional<IpAddress>& field, std::string_view about) {
  add(variable, "ADDRESS", "an IPv4 or IPv6 address of this machine, or all", field ? field->to_string() : "all", about,
      [&field](std::string_view text) -> std::expected<void, std::string> {
        field = IpAddress::parse(text);
        if (!field && text != "all") return refused();
        return {};
      });
}

void SettingsTable::text(Text row) {
  add(row.variable, row.value_name, std::string(row.wants), std::string(row.default_text), row.about,
      std::move(row.assign));
  rows_.back().shown = row.shown;
}

std::expected<void, StartRefusal> SettingsTable::assign(Row& row, std::string given_as, std::string_view text) {
  row.given_as = std::move(given_as);
  const auto taken = row.assign(text);
  if (taken) return {};
  const std::string shown = row.shown ? row.shown(text) : std::string(text);
  std::string message = row.given_as + " is " + quoted_text(shown) + " but wants " + row.wants + row.examples;
  if (!taken.error().empty()) message += " (" + taken.error() + ')';
  return std::unexpected(refuse(std::move(message)));
}

StartRefusal SettingsTable::unknown_argument(const std::vector<std::string>& arguments, int argc,
                                             const char* const* argv) const {
  const auto flag = std::find_if(arguments.begin(), arguments.end(),
                                 [](const std::string& argument) { return argument.starts_with('-'); });
  if (flag == arguments.end()) {
    return refuse("unexpected argument " + shown_argument(arguments.front(), argc, argv) +
                  "; settings are flags (see --help)");
  }
  const std::string name = flag->substr(0, flag->find('='));
  if (may_hold_password(name)) return refuse("unknown flag " + shown_argument(*flag, argc, argv) + " (see --help)");
  std::vector<std::string> known{"--help", "--version", "--check-config"};
  if (health_check_) known.push_back("--health");
  for (const auto& row : rows_)
    known.push_back(row.flag);
  const auto nearest = std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
    return distance(name, a) < distance(name, b);
  });
  std::string message = "unknown flag " + quoted_text(name);
  // A name of which more than half would have to change was not meant.
  if (distance(name, *nearest) * 2 < nearest->size()) message += "; did you mean " + *nearest + '?';
  return refuse(message + " (see --help)");
}

// CLI11 takes the next argument for the value of a flag that has none; no value begins with two dashes.
std::optional<StartRefusal> SettingsTable::missing_value(int argc, const char* const* argv) const {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& candidate) {
      return argument.starts_with(candidate.flag) &&
             (argument.size() == candidate.flag.size() || argument.substr(candidate.flag.size()) == "=");
    });
    if (found == rows_.end()) continue;
    const bool has_value = !argument.ends_with('=') && i + 1 < argc && !std::string_view(argv[i + 1]).starts_with("--");
    if (!has_value) return refuse(found->flag + " has no value but wants " + found->wants + found->examples);
  }
  return std::nullopt;
}

std::expected<void, StartRefusal> SettingsTable::read(int argc, const char* const* argv,
                                                      const EnvironmentLookup& environment,
                                                      std::string_view version_line) {
  CLI::App app(purpose_, program_);
  app.allow_extras();
  app.set_help_flag("--help,-h", "this text");
  bool want_markdown = false;
  bool want_version = false;
  app.add_flag("--version", want_version, "version and commit");
  app.add_flag("--check-config", check_only_, "check the settings and exit");
  if (health_check_) {
    app.add_flag("--health", *health_check_,
                 "ask the process that runs with these settings whether it is alive; 0 or 1");
  }
  app.add_flag("--help-markdown", want_markdown, "")->group("");
  app.get_formatter()->column_width(46);
  app.footer("Every setting is a flag and, when the flag is not given, an environment variable.");

  std::vector<std::string> values(rows_.size());
  std::vector<CLI::Option*> options;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const std::string about = row.about + "\n[" + row.variable + ", default " + row.default_text + ']';
    options.push_back(
        app.add_option(row.flag, values[i], about)->option_text(row.value_name)->group(row.group)->take_last());
  }

  if (auto missing = missing_value(argc, argv)) return std::unexpected(std::move(*missing));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(StartRefusal{0, app.help()});
  } catch (const CLI::ParseError&) {
    // What is left: a value for a flag that takes none. The error's own words repeat the value.
    return std::unexpected(refuse(unwanted_value(argc, argv) + " (see --help)"));
  }
  if (!app.remaining().empty()) return std::unexpected(unknown_argument(app.remaining(), argc, argv));
  if (want_markdown) return std::unexpected(StartRefusal{0, markdown()});
  if (want_version) return std::unexpected(StartRefusal{0, std::string(version_line)});

  for (std::size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    const char* variable = environment(row.variable.c_str());
    std::expected<void, StartRefusal> taken;
    if (options[i]->count() > 0) {
      taken = assign(row, row.flag, values[i]);
    } else if (variable != nullptr && *variable != '\0') {
      taken = assign(row, row.variable, variable);
    }
    if (!taken) return taken;
  }
  return {};
}

const SettingsTable::Row& SettingsTable::row(std::string_view variable) const {
  const auto found =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& candidate) { return candidate.variable == variable; });
  GOPHER_CHECK(found != rows_.end());
  return *found;
}

bool SettingsTable::given(std::string_view variable) const { return !row(variable).given_as.empty(); }

std::string SettingsTable::name_of(std::string_view variable) const {
  return given(variable) ? row(variable).given_as : std::string(variable);
}

std::string SettingsTable::markdown() const {
  const auto cell = [](std::string text) {
    for (auto bar = text.find('|'); bar != std::string::npos; bar = text.find('|', bar + 2))
      text.insert(bar, "\\");
    return text;
  };
  std::ostringstream out;
  std::string_view title;
  for (const auto& row : rows_) {
    if (row.group != title) {
      out << (title.empty() ? "" : "\n") << "**" << row.group << "**\n\n";
      out << "| variable | flag | default | meaning | takes |\n|---|---|---|---|---|\n";
      title = row.group;
    }
    out << "| `" << row.variable << "` | `" << row.flag << "` | `" << row.default_text << "` | " << cell(row.about)
        << " | " << cell(row.wants) << " |\n";
  }
  std::string text = out.str();
  text.pop_back();
  return text;
}

}  // namespace gopher
