// The verbs of the command line, one file each.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace accllm::cli {

// Runs a verb after its options were parsed.
using VerbBody = std::function<Status()>;

struct Verb {
  std::string_view name;
  std::string_view summary;
  // Declares the verb's options on its subcommand.
  VerbBody (*declare)(CLI::App& app);
};

// In the order in which --help lists them.
std::span<const Verb> Verbs();

VerbBody DeclareCompress(CLI::App& app);
VerbBody DeclareGenerate(CLI::App& app);
VerbBody DeclareChat(CLI::App& app);
VerbBody DeclareEval(CLI::App& app);
VerbBody DeclareBench(CLI::App& app);
VerbBody DeclareInspect(CLI::App& app);
VerbBody DeclareVerify(CLI::App& app);
VerbBody DeclareSynth(CLI::App& app);
VerbBody DeclareTokenize(CLI::App& app);
VerbBody DeclareExport(CLI::App& app);

}  // namespace accllm::cli
