// The entry point: finds the verb, parses its options, runs it, turns errors into exit codes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "exit_codes.h"
#include "nearest_name.h"
#include "options.h"
#include "settings.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

// Why `app` refuses `arguments`, if it does.
std::optional<CLI::ParseError> Parse(CLI::App& app, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return error;
  }
  return std::nullopt;
}

bool IsHelp(const CLI::ParseError& error) { return error.get_exit_code() == 0; }

int ReportError(std::string_view verb, const Error& error) {
  PrintError(verb, error.ToString());
  return ExitCodeOf(error.code);
}

int ReportParseError(std::string_view verb, const std::string& what) {
  const std::string command = verb.empty() ? "accllm" : fmt::format("accllm {}", verb);
  PrintError(verb, fmt::format("{}; see {} --help", what, command));
  return kExitUsage;
}

int ReportUnknownVerb(std::string_view name) {
  std::vector<std::string> names;
  for (const Verb& verb : Verbs()) names.emplace_back(verb.name);
  const std::string nearest = NearestName(name, names);
  PrintError("", fmt::format("there is no verb '{}'; {}see accllm --help", name,
                             nearest.empty() ? "" : fmt::format("did you mean {}? ", nearest)));
  return kExitUsage;
}

// Without a verb: --help, --version, or a mistake.
int RunWithoutVerb(CLI::App& app, const std::vector<std::string>& arguments) {
  const auto error = Parse(app, arguments);
  if (!error) return ReportParseError("", "the verb comes first");  // accllm -- chat
  return IsHelp(*error) ? app.exit(*error) : ReportParseError("", error->what());
}

int RunVerb(CLI::App& app, const Verb& verb, std::vector<std::string> arguments) {
  // Only the verb in use declares its options: the environment is nobody else's business.
  DeclaredVerb declared = Declare(verb, app);
  auto error = Parse(app, arguments);
  if (error && IsHelp(*error)) return app.exit(*error);
  Settings settings;
  if (verb.takes_settings) {
    const auto file = FindConfigFile(declared.table);
    if (!file) return ReportError(verb.name, file.error());
    settings = Settings::Resolve(declared.table, *file);
    const std::vector<std::string> more = settings.Arguments();
    arguments.insert(arguments.begin() + 1, more.begin(), more.end());
    error = Parse(app, arguments);
  }
  if (error) return ReportParseError(verb.name, settings.WithOrigins(error->what()));
  const std::string unmet = declared.table.UnmetNeed();
  if (!unmet.empty()) return ReportParseError(verb.name, unmet);
  InstallInterruptHandler();
  Status status = declared.body();
  if (status) return kExitOk;
  status.error().message = settings.WithOrigins(status.error().message);
  return ReportError(verb.name, status.error());
}

int Run(int argc, char** argv) {
  const auto app = MakeApp();
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const std::string first = arguments.empty() ? "" : arguments.front();
  if (const Verb* verb = FindVerb(first)) return RunVerb(*app, *verb, arguments);
  if (!first.empty() && !first.starts_with('-')) return ReportUnknownVerb(first);
  return RunWithoutVerb(*app, arguments);
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
