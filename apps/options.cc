#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <concepts>
#include <cstdint>
#include <optional>
#include <vector>

#include "exit_codes.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

std::string EnvironmentName(const std::string& long_name) {
  std::string name = "ACCLLM_" + long_name;
  for (char& c : name) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

template <typename T>
constexpr bool kIsVector = false;
template <typename T>
constexpr bool kIsVector<std::vector<T>> = true;

std::string ExitCodeLines() {
  std::string text = "Exit codes:\n";
  for (const ExitCode& code : kExitCodes)
    text += fmt::format("  {:>3}  {}\n", code.value, code.meaning);
  return text;
}

}  // namespace

CLI::Option* OptionTable::Positional(const std::string& name, std::string& target,
                                     const std::string& help) {
  return app_.add_option(name, target, help)->required()->option_text(" ");
}

template <typename T>
CLI::Option* OptionTable::Value(const std::string& flags, const std::string& placeholder, T& target,
                                const std::string& help) {
  CLI::Option* option = app_.add_option(flags, target, help)->type_name(placeholder);
  if constexpr (std::integral<T> || std::floating_point<T> || std::same_as<T, std::string>) {
    option->capture_default_str();
  }
  if constexpr (kIsVector<T>) option->delimiter(',')->expected(1, -1)->allow_extra_args(false);
  return Finish(option);
}

// Here, once, because CLI11's parsing templates are what takes long to compile.
#define ACCLLM_OPTION_TYPE(...)                                                                  \
  template CLI::Option* OptionTable::Value(const std::string&, const std::string&, __VA_ARGS__&, \
                                           const std::string&)
ACCLLM_OPTION_TYPE(std::string);
ACCLLM_OPTION_TYPE(int);
ACCLLM_OPTION_TYPE(int64_t);
ACCLLM_OPTION_TYPE(uint64_t);
ACCLLM_OPTION_TYPE(float);
ACCLLM_OPTION_TYPE(std::optional<int64_t>);
ACCLLM_OPTION_TYPE(std::vector<int>);
ACCLLM_OPTION_TYPE(std::vector<int64_t>);
ACCLLM_OPTION_TYPE(std::vector<std::string>);
#undef ACCLLM_OPTION_TYPE

CLI::Option* OptionTable::Flag(const std::string& flags, bool& target, const std::string& help) {
  return Finish(app_.add_flag(flags, target, help));
}

CLI::Option* OptionTable::Finish(CLI::Option* option) {
  return option->envname(EnvironmentName(option->get_lnames().front()));
}

void OptionTable::Examples(std::initializer_list<std::string_view> commands) {
  std::string text = "Examples:\n";
  for (const std::string_view command : commands) text += fmt::format("  {}\n", command);
  app_.footer(text);
}

std::string PlaceholderOf(const CLI::Option& option) {
  const std::string name = option.get_type_name();  // "N:POSITIVE", with the checks
  return name.substr(0, name.find(':'));
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (!option->get_option_text().empty()) return option->get_option_text();
  const std::string placeholder = PlaceholderOf(*option);
  if (placeholder.empty()) return "";  // a flag
  std::string text = fmt::format(" {}", placeholder);
  if (!option->get_default_str().empty()) text += fmt::format(" [{}]", option->get_default_str());
  return text;
}

std::string HelpFormatter::make_footer(const CLI::App* app) const {
  std::string text = app->get_footer();
  if (app->get_parent() == nullptr) {
    return text + "\n" + ExitCodeLines();
  }
  return text +
         "\nEvery option can be set in the environment: --max-tokens as ACCLLM_MAX_TOKENS.\n";
}

void SetUpApp(CLI::App& app) {
  app.name("accllm");
  app.description(
      "AccLLM compresses LLaMA-family models to 2 bits a weight and runs them, for ever, in a "
      "fixed "
      "amount of memory.");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", std::string("accllm ") + ACCLLM_VERSION, "Show the version");
  app.set_help_flag("-h,--help", "Show this help");
  app.require_subcommand(1);
  app.footer(
      "Every verb explains itself: accllm compress --help.\n"
      "ACCLLM_ISA=scalar|avx2|avx512 selects the instruction set; the default is the best this CPU "
      "has.\n");
  for (const Verb& verb : Verbs()) {
    app.add_subcommand(std::string(verb.name), std::string(verb.summary));
  }
  app.add_subcommand("help", "Show this help");
}

}  // namespace accllm::cli
