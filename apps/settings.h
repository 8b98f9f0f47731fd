// Values of options that the command line does not give: from the environment, else from the
// configuration file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config_file.h"
#include "options.h"

namespace accllm::cli {

class Settings {
 public:
  // `table`'s application has parsed the command line alone: what that gave takes precedence, and
  // an empty value is none. Left out is what means nothing beside a value that has precedence.
  static Settings Resolve(const OptionTable& table, const ConfigFile& file);

  // What the command line lacks, as "--temp=0.7".
  std::vector<std::string> Arguments() const;

  // `message` and, for each option named in it whose value is one of these, where that came from:
  // "--temp: out of range (--temp: ACCLLM_TEMP in the environment)".
  std::string WithOrigins(std::string_view message) const;

 private:
  struct Setting {
    const OptionEntry* entry;
    std::string value;
    std::string origin;
  };

  std::vector<Setting> settings_;

  friend class SettingsResolver;
};

// The file that --config names, else ACCLLM_CONFIG; none for "none". Else the one at the default
// place, which may be missing. Errors: those of ConfigFile::Read.
Result<ConfigFile> FindConfigFile(const OptionTable& table);

// $XDG_CONFIG_HOME/accllm/config.toml or ~/.config/accllm/config.toml; empty if neither is known.
std::string DefaultConfigPath();

}  // namespace accllm::cli
