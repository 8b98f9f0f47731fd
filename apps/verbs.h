// The verbs of the command line, one file each.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "options.h"

namespace accllm::cli {

// Runs a verb after its options were parsed.
using VerbBody = std::function<Status()>;

struct Verb {
  std::string_view name;
  std::string_view summary;
  // Declares the verb's options.
  VerbBody (*declare)(OptionTable& table);
  // Whether options also come from the environment and the configuration file.
  bool takes_settings = true;
};

// In the order in which --help lists them.
std::span<const Verb> Verbs();

// Null if there is none.
const Verb* FindVerb(std::string_view name);

// A verb with its options on an application.
struct DeclaredVerb {
  const Verb* verb;
  OptionTable table;
  VerbBody body;
};

// `app` comes from MakeApp and must outlive the result.
DeclaredVerb Declare(const Verb& verb, CLI::App& app);

// What everything that is generated from the option tables goes through.
std::vector<DeclaredVerb> DeclareAll(CLI::App& app);

VerbBody DeclareCompress(OptionTable& table);
VerbBody DeclareGenerate(OptionTable& table);
VerbBody DeclareChat(OptionTable& table);
VerbBody DeclareEval(OptionTable& table);
VerbBody DeclareBench(OptionTable& table);
VerbBody DeclareInspect(OptionTable& table);
VerbBody DeclareVerify(OptionTable& table);
VerbBody DeclareSynth(OptionTable& table);
VerbBody DeclareCompile(OptionTable& table);
VerbBody DeclareReport(OptionTable& table);
VerbBody DeclareExplore(OptionTable& table);
VerbBody DeclareRun(OptionTable& table);
VerbBody DeclareTrain(OptionTable& table);
VerbBody DeclareTokenize(OptionTable& table);
VerbBody DeclareExport(OptionTable& table);
VerbBody DeclareHelp(OptionTable& table);

}  // namespace accllm::cli
