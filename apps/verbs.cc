#include "verbs.h"

#include <array>

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
    Verb{"tokenize", "Show the token ids of a text, or the text of ids", DeclareTokenize},
    Verb{"export", "Write a checkpoint as a GGUF file", DeclareExport},
};

}  // namespace

std::span<const Verb> Verbs() { return kVerbs; }

}  // namespace accllm::cli
