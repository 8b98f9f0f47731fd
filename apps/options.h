// One declaration per option gives the parser, --help, the environment variable, the key of the
// configuration file, the pages and the completion scripts.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace accllm::cli {

enum class ValueKind { kFlag, kText, kNumber };

struct OptionEntry {
  CLI::Option* option;
  ValueKind kind;
  bool is_list = false;
  std::string environment = {};           // the variable that sets it; "": only the command line
  std::vector<std::string> choices = {};  // the values there are; empty: no fixed set
  const CLI::Option* needs = nullptr;     // the flag without which it means nothing
  std::vector<const CLI::Option*> rules_out = {};  // what must not be given beside it

  bool is_positional() const { return option->get_positional(); }
  std::string name() const;         // "max-tokens", or "MODEL" of an argument
  std::string placeholder() const;  // "N" of "-n N"; "" of a flag
  bool is_in_file() const;          // whether a configuration file may set it
};

class OptionTable {
 public:
  // What `takes_settings` has an environment variable for every option, and --config.
  explicit OptionTable(CLI::App& app, bool takes_settings = true)
      : app_(&app), takes_settings_(takes_settings) {}

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

  // --config FILE, which settings.h reads.
  void ConfigFile();

  // `option` takes one of `choices`, which fill the {} in its help, or of `other_names`.
  void OneOf(CLI::Option* option, std::vector<std::string> choices,
             const std::vector<std::string>& other_names = {});

  // Values from the environment or the configuration file are left out where the verb would refuse
  // them beside what has precedence: these two say where. The verb itself checks the rest.
  void OnlyWith(const CLI::Option* flag, std::initializer_list<const CLI::Option*> options);
  void Exclusive(std::initializer_list<const CLI::Option*> options);

  // Shown at the end of --help and in the pages.
  void Examples(std::initializer_list<std::string_view> commands);

  CLI::App& app() const { return *app_; }
  bool takes_settings() const { return takes_settings_; }
  // In the order of declaration, arguments among them.
  const std::vector<OptionEntry>& entries() const { return entries_; }
  const std::vector<std::string>& examples() const { return examples_; }
  // By long name; null if there is none.
  const OptionEntry* Find(std::string_view name) const;

 private:
  // Names the environment variable: --max-tokens is ACCLLM_MAX_TOKENS.
  CLI::Option* Add(CLI::Option* option, ValueKind kind, bool is_list);
  OptionEntry& EntryOf(const CLI::Option* option);

  CLI::App* app_;
  bool takes_settings_;
  std::vector<OptionEntry> entries_;
  std::vector<std::string> examples_;
};

// "-n,--max-new-tokens N"
std::string FlagsOf(const OptionEntry& entry);

// "accllm compress CHECKPOINT -o FILE [options]"
std::string UsageOf(const OptionTable& table);

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
