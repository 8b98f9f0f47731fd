// The configuration file: a value for every option, in TOML.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace accllm::cli {

// As the command line would spell it, and "FILE:LINE".
struct ConfigValue {
  std::string text;
  std::string origin;
};

class ConfigFile {
 public:
  // No values.
  ConfigFile() = default;

  // Keys above the first table hold for every verb with an option of that name that takes such a
  // value, those of a table for the verb that it is named after. All keys are checked, whatever the
  // verb in use. Errors: kNotFound, kIo; kInvalidArgument, which names file, line and key.
  static Result<ConfigFile> Read(const std::string& path);

  // `text` is what `path` holds. Errors: kInvalidArgument.
  static Result<ConfigFile> Parse(std::string_view text, const std::string& path);

  // By long name, without dashes; null if the file does not set it.
  const ConfigValue* Find(std::string_view verb, std::string_view option) const;

 private:
  // By verb and option.
  std::map<std::pair<std::string, std::string>, ConfigValue> values_;

  friend class ConfigReader;
};

}  // namespace accllm::cli
