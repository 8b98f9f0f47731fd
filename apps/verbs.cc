#include "verbs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>

namespace accllm::cli {
namespace {

constexpr std::array kVerbs = {
    Verb{"compress", "Turn a LLaMA checkpoint into one packed file", DeclareCompress},
    Verb{"generate", "Continue a prompt", DeclareGenerate},
    Verb{"chat", "Hold a conversation that has no end", DeclareChat},
    Verb{"eval", "Measure how well a model predicts a text", DeclareEval},
    Verb{"bench", "Measure prefill and decode speed", DeclareBench},
    Verb{"inspect", "Show what a packed file or a checkpoint holds", DeclareInspect},
    Verb{"verify", "Check every byte of a packed file", DeclareVerify},
    Verb{"synth", "Write a random packed model of a known shape, for benchmarks", DeclareSynth},
    Verb{"compile", "Turn a packed file into a program of the accelerator", DeclareCompile},
    Verb{"run", "Continue a prompt on a model of the accelerator", DeclareRun},
    Verb{"report", "Estimate speed, area and energy of the accelerator", DeclareReport},
    Verb{"explore", "Find the machines that are worth building", DeclareExplore},
    Verb{"train", "Train a model from scratch by a recipe file", DeclareTrain},
    Verb{"tokenize", "Show the token ids of a text, or the text of ids", DeclareTokenize},
    Verb{"export", "Write a checkpoint as a GGUF file", DeclareExport},
    Verb{"help", "Explain a verb; print manual pages, completions, a configuration file",
         DeclareHelp, false},
};

}  // namespace

std::span<const Verb> Verbs() { return kVerbs; }

const Verb* FindVerb(std::string_view name) {
  const auto* found = std::find_if(kVerbs.begin(), kVerbs.end(),
                                   [&](const Verb& verb) { return verb.name == name; });
  return found == kVerbs.end() ? nullptr : found;
}

DeclaredVerb Declare(const Verb& verb, CLI::App& app) {
  OptionTable table(*app.get_subcommand(std::string(verb.name)), verb.takes_settings);
  VerbBody body = verb.declare(table);
  if (verb.takes_settings) table.ConfigFile();
  return {&verb, std::move(table), std::move(body)};
}

std::vector<DeclaredVerb> DeclareAll(CLI::App& app) {
  std::vector<DeclaredVerb> verbs;
  for (const Verb& verb : kVerbs) verbs.push_back(Declare(verb, app));
  return verbs;
}

}  // namespace accllm::cli
