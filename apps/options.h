// One declaration per option gives the parser, --help, the environment variable, the key of the
// configuration file, the pages and the completion scripts.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// CLI11's header takes longer to compile than most of what uses this one.
namespace CLI {
class App;
class Option;
}  // namespace CLI

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

  bool is_positional() const;
  bool is_required() const;
  bool is_given() const;                     // on the command line
  std::string last_given() const;            // the last value there
  std::vector<std::string> letters() const;  // "n" of "-n,--max-new-tokens"
  std::string help() const;
  std::string fallback() const;     // the default that help shows; "" if it shows none
  std::string name() const;         // "max-tokens", or "MODEL" of an argument
  std::string placeholder() const;  // "N" of "-n N"; "" of a flag
  bool is_in_file() const;          // whether a configuration file may set it
};

// A declared option, to say more about.
class OptionRef {
 public:
  explicit OptionRef(CLI::Option* option) : option_(option) {}

  const OptionRef& Required() const;
  const OptionRef& Optional() const;   // for an argument
  const OptionRef& NoDefault() const;  // help shows none
  const OptionRef& Positive() const;
  const OptionRef& NonNegative() const;
  const OptionRef& InRange(int64_t least, int64_t most) const;

  CLI::Option* get() const { return option_; }

 private:
  CLI::Option* option_;
};

class OptionTable {
 public:
  // What `takes_settings` has an environment variable for every option, and --config.
  explicit OptionTable(CLI::App& app, bool takes_settings = true)
      : app_(&app), takes_settings_(takes_settings) {}

  // A required argument without a flag.
  OptionRef Positional(const std::string& name, std::string& target, const std::string& help);

  // `flags` as "-n,--max-new-tokens". The value `target` holds now is shown as the default; a
  // vector takes a list with commas and may be given several times. Instantiated in options.cc.
  template <typename T>
  OptionRef Value(const std::string& flags, const std::string& placeholder, T& target,
                  const std::string& help);

  OptionRef Flag(const std::string& flags, bool& target, const std::string& help);

  OptionRef Json(bool& target) {
    return Flag("--json", target, "Print exactly one JSON object on stdout");
  }

  // --config FILE, which settings.h reads.
  void ConfigFile();

  // `option` takes one of `choices`, which fill the {} in its help, or of `other_names`.
  void OneOf(const OptionRef& option, std::vector<std::string> choices,
             const std::vector<std::string>& other_names = {});

  // Values from the environment or the configuration file are left out where the verb would refuse
  // them beside what has precedence: these two say where. On the command line UnmetNeed finds what
  // lacks its flag; the verb itself checks the rest.
  void OnlyWith(const OptionRef& flag, std::initializer_list<OptionRef> options);
  void Exclusive(std::initializer_list<OptionRef> options);

  // "--generated needs --passes" if it was given alone; empty: nothing is missing.
  std::string UnmetNeed() const;

  // Shown at the end of --help and in the pages.
  void Examples(std::initializer_list<std::string_view> commands);

  CLI::App& app() const { return *app_; }
  std::string verb() const;
  bool takes_settings() const { return takes_settings_; }
  // In the order of declaration, arguments among them.
  const std::vector<OptionEntry>& entries() const { return entries_; }
  const std::vector<std::string>& examples() const { return examples_; }
  // By long name; null if there is none.
  const OptionEntry* Find(std::string_view name) const;

 private:
  // Names the environment variable: --max-tokens is ACCLLM_MAX_TOKENS.
  OptionRef Add(CLI::Option* option, ValueKind kind, bool is_list);
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

inline constexpr std::string_view kDescription =
    "AccLLM compresses LLaMA-family models to 2 bits a weight and runs them, for ever, in a fixed "
    "amount of memory.";

// "accllm" with all verbs named, none of them declared.
std::shared_ptr<CLI::App> MakeApp();

}  // namespace accllm::cli
