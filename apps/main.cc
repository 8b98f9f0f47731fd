// The entry point: finds the verb, parses its options, runs it, turns errors into exit codes.
#include <exception>
#include <new>

#include "console.h"
#include "exit_codes.h"
#include "options.h"
#include "reference_page.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

const Verb* FindVerb(std::string_view name) {
  for (const Verb& verb : Verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

// "accllm help" and its hidden --markdown.
VerbBody DeclareHelp(CLI::App& subcommand, bool& markdown) {
  subcommand.add_flag("--markdown", markdown)->group("");
  return [&markdown] {
    CLI::App app;  // one that has parsed nothing shows its own help, not a verb's
    SetUpApp(app);
    return PrintText(markdown ? ReferencePage() : app.help());
  };
}

int ReportParseError(const CLI::App& app, std::string_view verb, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  const std::string command = verb.empty() ? "accllm" : fmt::format("accllm {}", verb);
  PrintError(verb, fmt::format("{}; see {} --help", error.what(), command));
  return kExitUsage;
}

int Run(int argc, char** argv) {
  CLI::App app;
  SetUpApp(app);
  const std::string_view first = argc > 1 ? argv[1] : "";
  const Verb* verb = FindVerb(first);
  if (verb == nullptr && !first.empty() && first != "help" && !first.starts_with('-')) {
    PrintError("", fmt::format("there is no verb '{}'; see accllm --help", first));
    return kExitUsage;
  }
  // Only the verb in use declares its options: the environment is nobody else's business.
  VerbBody body;
  bool markdown = false;
  if (verb != nullptr) {
    body = verb->declare(*app.get_subcommand(std::string(verb->name)));
  } else {
    body = DeclareHelp(*app.get_subcommand("help"), markdown);
  }
  const std::string_view name = verb == nullptr ? "" : verb->name;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ReportParseError(app, name, error);
  }
  InstallInterruptHandler();
  const Status status = body();
  if (status) return kExitOk;
  PrintError(name, status.error().ToString());
  return ExitCodeOf(status.error().code);
}

}  // namespace
}  // namespace accllm::cli

int main(int argc, char** argv) {
  using namespace accllm::cli;
  try {
    return Run(argc, argv);
  } catch (const std::bad_alloc&) {
    PrintError("", "out of memory; use a smaller model, window or chunk");
    return kExitOutOfMemory;
  } catch (const std::exception& error) {
    PrintError("", error.what());
    return kExitInternal;
  }
}
