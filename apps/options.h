// One declaration per option gives the parser, --help, the environment variable and the reference
// page.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

namespace accllm::cli {

class OptionTable {
 public:
  explicit OptionTable(CLI::App& app) : app_(app) {}

  // A required argument without a flag.
  CLI::Option* Positional(const std::string& name, std::string& target, const std::string& help);

  // `flags` as "-n,--max-new-tokens". The value `target` holds now is shown as the default; a
  // vector takes a list with commas and may be given several times. Instantiated in options.cc.
  template <typename T>
  CLI::Option* Value(const std::string& flags, const std::string& placeholder, T& target,
                     const std::string& help);

  CLI::Option* Flag(const std::string& flags, bool& target, const std::string& help);

  CLI::Option* Json(bool& target) {
    return Flag("--json", target, "Print exactly one JSON object on stdout");
  }

  // Shown at the end of --help and in the reference page.
  void Examples(std::initializer_list<std::string_view> commands);

 private:
  // Names the environment variable: --max-tokens is ACCLLM_MAX_TOKENS.
  static CLI::Option* Finish(CLI::Option* option);

  CLI::App& app_;
};

// What stands for an option's value in help: "N" of "-n N".
std::string PlaceholderOf(const CLI::Option& option);

// The help text of the whole program and of each verb.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(36); }
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_footer(const CLI::App* app) const override;
};

// "accllm" with all verbs named, none of them declared.
void SetUpApp(CLI::App& app);

}  // namespace accllm::cli
