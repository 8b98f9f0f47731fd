// "accllm help": explains verbs, and prints what is generated from their option tables.
#include <CLI/CLI.hpp>
#include <memory>

#include "completion.h"
#include "config_sample.h"
#include "console.h"
#include "man_page.h"
#include "options.h"
#include "reference_page.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct HelpFlags {
  std::string verb;
  std::string shell;
  bool man = false;
  bool config = false;
  bool markdown = false;
};

std::string HelpText(const std::string& verb) {
  const auto app = MakeApp();
  if (verb.empty()) return app->help();
  const DeclaredVerb declared = Declare(*FindVerb(verb), *app);
  return declared.table.app().help(app->get_name());
}

Status RunHelp(const HelpFlags& flags) {
  const int n_wanted = static_cast<int>(flags.man) + static_cast<int>(flags.config) +
                       static_cast<int>(flags.markdown) + static_cast<int>(!flags.shell.empty());
  if (n_wanted > 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "--man, --completion, --config and --markdown exclude each other",
                "give one of them");
  }
  if (n_wanted == 1 && !flags.man && !flags.verb.empty()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: --completion, --config and --markdown are about all verbs", flags.verb),
        "leave the verb out");
  }
  if (flags.man) return PrintText(ManPage(flags.verb));
  if (flags.config) return PrintText(ConfigSample());
  if (flags.markdown) return PrintText(ReferencePage());
  if (!flags.shell.empty()) return PrintText(CompletionScript(flags.shell));
  return PrintText(HelpText(flags.verb));
}

}  // namespace

VerbBody DeclareHelp(OptionTable& table) {
  auto flags = std::make_shared<HelpFlags>();
  std::vector<std::string> verbs;
  for (const Verb& verb : Verbs()) verbs.emplace_back(verb.name);
  table.OneOf(table.Positional("VERB", flags->verb, "The verb to explain: {}").Optional(),
              std::move(verbs));
  table.Flag("--man", flags->man, "Print the manual page of VERB, or of accllm, for man");
  table.OneOf(table.Value("--completion", "SHELL", flags->shell,
                          "Print the completion script for a shell: {}"),
              CompletionShells());
  table.Flag("--config", flags->config,
             "Print a configuration file with all options, their help and defaults");
  table.Flag("--markdown", flags->markdown, "Print the reference of all verbs as Markdown");
  table.Examples({"accllm help chat", "accllm help --config > ~/.config/accllm/config.toml",
                  "accllm help --man chat | man -l -", "source <(accllm help --completion bash)"});
  return [flags] { return RunHelp(*flags); };
}

}  // namespace accllm::cli
