#include "options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <concepts>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>
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

template <typename T>
constexpr bool kIsText = std::same_as<T, std::string> || std::same_as<T, std::vector<std::string>>;

// CLI11 keeps the checks behind it: "N:POSITIVE".
std::string PlaceholderOf(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

std::string ExitCodeLines() {
  std::string text = "Exit codes:\n";
  for (const ExitCode& code : kExitCodes)
    text += fmt::format("  {:>3}  {}\n", code.value, code.meaning);
  return text;
}

// What is no number is left to the conversion, which says so.
void CheckNumber(CLI::Option* option, const std::string& rule,
                 const std::function<bool(double)>& is_allowed) {
  option->check([rule, is_allowed](const std::string& text) {
    double value = 0;
    if (!CLI::detail::lexical_cast(text, value) || is_allowed(value)) return std::string();
    return fmt::format("{} {}", text, rule);
  });
}

// The help text of the whole program and of each verb.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(36); }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (!option->get_option_text().empty()) return option->get_option_text();
    const std::string placeholder = PlaceholderOf(*option);
    if (placeholder.empty()) return "";  // a flag
    std::string text = fmt::format(" {}", placeholder);
    if (!option->get_default_str().empty()) text += fmt::format(" [{}]", option->get_default_str());
    return text;
  }

  std::string make_footer(const CLI::App* app) const override {
    if (app->get_parent() != nullptr) return app->get_footer();
    return app->get_footer() + "\n" + ExitCodeLines();
  }
};

}  // namespace

std::string OptionEntry::name() const {
  return is_positional() ? option->get_name(true) : option->get_lnames().front();
}

bool OptionEntry::is_positional() const { return option->get_positional(); }

bool OptionEntry::is_required() const { return option->get_required(); }

bool OptionEntry::is_given() const { return option->count() > 0; }

std::string OptionEntry::last_given() const { return option->results().back(); }

std::vector<std::string> OptionEntry::letters() const { return option->get_snames(); }

std::string OptionEntry::help() const { return option->get_description(); }

std::string OptionEntry::fallback() const { return option->get_default_str(); }

std::string OptionEntry::placeholder() const { return PlaceholderOf(*option); }

bool OptionEntry::is_in_file() const { return !environment.empty() && name() != "config"; }

const OptionRef& OptionRef::Required() const {
  option_->required();
  return *this;
}

const OptionRef& OptionRef::Optional() const {
  option_->required(false);
  return *this;
}

const OptionRef& OptionRef::NoDefault() const {
  option_->default_str("");
  return *this;
}

const OptionRef& OptionRef::Positive() const {
  CheckNumber(option_, "must be greater than 0", [](double value) { return value > 0; });
  return *this;
}

const OptionRef& OptionRef::NonNegative() const {
  CheckNumber(option_, "must be at least 0", [](double value) { return value >= 0; });
  return *this;
}

const OptionRef& OptionRef::InRange(int64_t least, int64_t most) const {
  CheckNumber(option_, fmt::format("must be from {} to {}", least, most), [=](double value) {
    return value >= static_cast<double>(least) && value <= static_cast<double>(most);
  });
  return *this;
}

OptionRef OptionTable::Positional(const std::string& name, std::string& target,
                                  const std::string& help) {
  CLI::Option* option = app_->add_option(name, target, help)->required()->option_text(" ");
  entries_.push_back({option, ValueKind::kText});
  return OptionRef(option);
}

template <typename T>
OptionRef OptionTable::Value(const std::string& flags, const std::string& placeholder, T& target,
                             const std::string& help) {
  CLI::Option* option = app_->add_option(flags, target, help)->type_name(placeholder);
  if constexpr (std::integral<T> || std::floating_point<T> || std::same_as<T, std::string>) {
    option->capture_default_str();
  }
  if constexpr (kIsVector<T>)
    option->delimiter(',')->expected(1)->take_all()->allow_extra_args(false);
  return Add(option, kIsText<T> ? ValueKind::kText : ValueKind::kNumber, kIsVector<T>);
}

// Here, once, because CLI11's parsing templates are what takes long to compile.
#define ACCLLM_OPTION_TYPE(...)                                                               \
  template OptionRef OptionTable::Value(const std::string&, const std::string&, __VA_ARGS__&, \
                                        const std::string&)
ACCLLM_OPTION_TYPE(std::string);
ACCLLM_OPTION_TYPE(int);
ACCLLM_OPTION_TYPE(int64_t);
ACCLLM_OPTION_TYPE(uint64_t);
ACCLLM_OPTION_TYPE(float);
ACCLLM_OPTION_TYPE(double);
ACCLLM_OPTION_TYPE(std::optional<int64_t>);
ACCLLM_OPTION_TYPE(std::vector<int>);
ACCLLM_OPTION_TYPE(std::vector<int64_t>);
ACCLLM_OPTION_TYPE(std::vector<std::string>);
#undef ACCLLM_OPTION_TYPE

OptionRef OptionTable::Flag(const std::string& flags, bool& target, const std::string& help) {
  return Add(app_->add_flag(flags, target, help), ValueKind::kFlag, false);
}

void OptionTable::ConfigFile() {
  CLI::Option* option = app_->add_option("--config")->type_name("FILE");
  option->description(
      "Read options from this TOML file; none: from no file; default: "
      "~/.config/accllm/config.toml, if there is one");
  Add(option, ValueKind::kText, false);
}

OptionRef OptionTable::Add(CLI::Option* option, ValueKind kind, bool is_list) {
  OptionEntry entry = {option, kind, is_list};
  if (takes_settings_) entry.environment = EnvironmentName(entry.name());
  entries_.push_back(std::move(entry));
  return OptionRef(option);
}

OptionEntry& OptionTable::EntryOf(const CLI::Option* option) {
  return *std::find_if(entries_.begin(), entries_.end(),
                       [&](const OptionEntry& entry) { return entry.option == option; });
}

std::string OptionTable::verb() const { return app_->get_name(); }

const OptionEntry* OptionTable::Find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const OptionEntry& entry) {
    return !entry.is_positional() && entry.name() == name;
  });
  return found == entries_.end() ? nullptr : &*found;
}

void OptionTable::OneOf(const OptionRef& option, std::vector<std::string> choices,
                        const std::vector<std::string>& other_names) {
  const std::string names = fmt::format("{}", fmt::join(choices, ", "));
  option.get()->description(fmt::format(fmt::runtime(option.get()->get_description()), names));
  std::vector<std::string> allowed = choices;
  allowed.insert(allowed.end(), other_names.begin(), other_names.end());
  option.get()->check([allowed, names](const std::string& value) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return std::string();
    return fmt::format("'{}' is none of {}", value, names);
  });
  EntryOf(option.get()).choices = std::move(choices);
}

void OptionTable::OnlyWith(const OptionRef& flag, std::initializer_list<OptionRef> options) {
  for (const OptionRef& option : options) EntryOf(option.get()).needs = flag.get();
}

std::string OptionTable::UnmetNeed() const {
  for (const OptionEntry& entry : entries_) {
    if (!entry.is_given() || entry.needs == nullptr || entry.needs->count() > 0) continue;
    return fmt::format("--{} needs {}", entry.name(), entry.needs->get_name());
  }
  return {};
}

void OptionTable::Exclusive(std::initializer_list<OptionRef> options) {
  for (const OptionRef& option : options) {
    std::vector<const CLI::Option*>& others = EntryOf(option.get()).rules_out;
    for (const OptionRef& other : options) {
      if (other.get() != option.get()) others.push_back(other.get());
    }
  }
}

void OptionTable::Examples(std::initializer_list<std::string_view> commands) {
  examples_.assign(commands.begin(), commands.end());
  std::string text = "Examples:\n";
  for (const std::string& command : examples_) text += fmt::format("  {}\n", command);
  if (takes_settings_) {
    text +=
        "\nEvery option can be set in the environment, --max-tokens as ACCLLM_MAX_TOKENS, or in a\n"
        "configuration file; accllm help --config prints one.\n";
  }
  app_->footer(text);
}

std::string FlagsOf(const OptionEntry& entry) {
  const std::string placeholder = entry.placeholder();
  const std::string flags = entry.option->get_name(false, true);
  return placeholder.empty() ? flags : fmt::format("{} {}", flags, placeholder);
}

std::string UsageOf(const OptionTable& table) {
  std::string usage = fmt::format("accllm {}", table.verb());
  for (const OptionEntry& entry : table.entries()) {
    const bool is_required = entry.is_required();
    if (entry.is_positional()) {
      usage += is_required ? " " + entry.name() : fmt::format(" [{}]", entry.name());
    } else if (is_required) {
      const std::vector<std::string> letters = entry.letters();
      usage += fmt::format(" {} {}", letters.empty() ? "--" + entry.name() : "-" + letters.front(),
                           entry.placeholder());
    }
  }
  return usage + " [options]";
}

std::shared_ptr<CLI::App> MakeApp() {
  auto app = std::make_shared<CLI::App>(std::string(kDescription), "accllm");
  app->formatter(std::make_shared<HelpFormatter>());
  app->set_version_flag("--version", std::string("accllm ") + ACCLLM_VERSION, "Show the version");
  app->set_help_flag("-h,--help", "Show this help");
  app->require_subcommand(1);
  app->footer(
      "Every verb explains itself: accllm compress --help.\n"
      "ACCLLM_ISA=scalar|avx2|avx512|neon|neon-i8mm selects the instruction set; the default is "
      "the best this CPU has.\n");
  for (const Verb& verb : Verbs()) {
    app->add_subcommand(std::string(verb.name), std::string(verb.summary));
  }
  return app;
}

}  // namespace accllm::cli
