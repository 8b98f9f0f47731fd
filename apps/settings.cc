#include "settings.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "user_file.h"

namespace accllm::cli {
namespace {

// An empty variable counts as unset.
std::string FromEnvironment(const std::string& name) {
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

// Whether a value switches something on: all do but a flag's "false".
bool IsOn(const OptionEntry& entry, const std::string& value) {
  if (entry.kind != ValueKind::kFlag) return true;
  try {
    return CLI::detail::to_flag_value(value) > 0;
  } catch (const std::invalid_argument&) {
    return true;  // the parser reports it
  }
}

bool IsPartOfName(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; }

// Whether `message` has `name` as a whole word.
bool Mentions(std::string_view message, std::string_view name) {
  for (size_t at = message.find(name); at != std::string_view::npos;
       at = message.find(name, at + 1)) {
    const size_t end = at + name.size();
    if (end == message.size() || !IsPartOfName(message[end])) return true;
  }
  return false;
}

}  // namespace

// Collects values from the strongest source to the weakest.
class SettingsResolver {
 public:
  explicit SettingsResolver(const OptionTable& table) : table_(table) {
    for (const OptionEntry& entry : table.entries()) {
      if (entry.is_given()) {
        is_on_[entry.option] = IsOn(entry, entry.last_given());
      }
    }
  }

  // Values of the next weaker source, from `read`, which gives value and origin of an option.
  template <typename Read>
  void Add(Read read) {
    std::vector<Settings::Setting> found;
    for (const OptionEntry& entry : table_.entries()) {
      if (is_on_.contains(entry.option)) continue;
      auto [value, origin] = read(entry);
      if (!value.empty()) found.push_back({&entry, std::move(value), std::move(origin)});
    }
    std::erase_if(found, [&](const Settings::Setting& setting) { return IsRuledOut(setting); });
    for (Settings::Setting& setting : found) {
      is_on_[setting.entry->option] = IsOn(*setting.entry, setting.value);
      settings_.push_back(std::move(setting));
    }
  }

  std::vector<Settings::Setting> Take() {
    std::erase_if(settings_, [&](const Settings::Setting& setting) {
      return setting.entry->needs != nullptr && !HasOn(setting.entry->needs);
    });
    return std::move(settings_);
  }

 private:
  bool HasOn(const CLI::Option* option) const {
    const auto found = is_on_.find(option);
    return found != is_on_.end() && found->second;
  }

  bool IsRuledOut(const Settings::Setting& setting) const {
    const auto& others = setting.entry->rules_out;
    return std::any_of(others.begin(), others.end(),
                       [&](const CLI::Option* other) { return HasOn(other); });
  }

  const OptionTable& table_;
  std::map<const CLI::Option*, bool> is_on_;  // what has a value
  std::vector<Settings::Setting> settings_;
};

Settings Settings::Resolve(const OptionTable& table, const ConfigFile& file) {
  SettingsResolver resolver(table);
  resolver.Add([](const OptionEntry& entry) {
    return std::pair(FromEnvironment(entry.environment),
                     fmt::format("{} in the environment", entry.environment));
  });
  resolver.Add([&](const OptionEntry& entry) {
    const ConfigValue* value = file.Find(table.verb(), entry.name());
    return value == nullptr ? std::pair<std::string, std::string>()
                            : std::pair(value->text, value->origin);
  });
  Settings settings;
  settings.settings_ = resolver.Take();
  return settings;
}

std::vector<std::string> Settings::Arguments() const {
  std::vector<std::string> arguments;
  for (const Setting& setting : settings_) {
    arguments.push_back(fmt::format("--{}={}", setting.entry->name(), setting.value));
  }
  return arguments;
}

std::string Settings::WithOrigins(std::string_view message) const {
  std::string origins;
  for (const Setting& setting : settings_) {
    const std::string flag = "--" + setting.entry->name();
    if (!Mentions(message, flag)) continue;
    origins += fmt::format("{}{}: {}", origins.empty() ? "" : "; ", flag, setting.origin);
  }
  return origins.empty() ? std::string(message) : fmt::format("{} ({})", message, origins);
}

Result<ConfigFile> FindConfigFile(const OptionTable& table) {
  const OptionEntry* entry = table.Find("config");
  const bool is_given = entry->is_given();
  const std::string named = is_given ? entry->last_given() : FromEnvironment(entry->environment);
  if (named == "none") return ConfigFile();
  if (!named.empty()) return ConfigFile::Read(named);
  const std::string path = DefaultConfigPath();
  std::error_code error;  // a folder that cannot be looked into has no file for us
  return std::filesystem::exists(path, error) ? ConfigFile::Read(path) : ConfigFile();
}

std::string DefaultConfigPath() { return UserFile("XDG_CONFIG_HOME", ".config", "config.toml"); }

}  // namespace accllm::cli
