// The command that gives a result again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace accllm::cli {

class CommandLine {
 public:
  // Of a verb whose options are all declared; they are parsed before Text is called.
  explicit CommandLine(const OptionTable& table) : verb_(table.verb()), entries_(table.entries()) {}

  // What was given, wherever it came from, as a command for a shell: "accllm report --shape x".
  // Without the options `without`, by long name, and with `more` at its end.
  std::string Text(const std::vector<std::string_view>& without, std::string_view more = "") const;

 private:
  std::string verb_;
  std::vector<OptionEntry> entries_;
};

}  // namespace accllm::cli
