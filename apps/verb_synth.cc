// accllm synth: a random packed model of a known shape.
#include <filesystem>
#include <memory>

#include "base/model_config_json.h"
#include "base/process_info.h"
#include "compress/synth.h"
#include "compress/synth_gguf.h"
#include "console.h"
#include "options.h"
#include "output_file.h"
#include "tokenizer_source.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct SynthFlags {
  std::string shape;
  std::string output;
  uint64_t seed = 0;
  std::string tokenizer;
  std::string gguf;
  bool force = false;
  bool json = false;
};

Result<std::string> ReadTokenizer(const std::string& path) {
  if (path.empty()) return std::string();
  ACCLLM_ASSIGN_OR_RETURN(std::string bytes, ReadTokenizerFile(path));
  ACCLLM_RETURN_IF_ERROR(LoadTokenizer(bytes, path));
  return bytes;
}

Status RunSynth(const SynthFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const ModelConfig config, SynthShape(flags.shape));
  ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.output, flags.force));
  if (!flags.gguf.empty() && !flags.tokenizer.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--gguf writes no tokenizer", "leave out --tokenizer");
  }
  ACCLLM_ASSIGN_OR_RETURN(const std::string tokenizer, ReadTokenizer(flags.tokenizer));
  const double start = MonotonicSeconds();
  {
    Progress progress(flags.shape);
    const auto update = [&](double share) { progress.Update(share); };
    ACCLLM_RETURN_IF_ERROR(
        flags.gguf.empty() ? Synthesize(config, flags.output, flags.seed, tokenizer, update)
                           : SynthesizeGguf(config, flags.output, flags.gguf, flags.seed, update));
  }
  const double seconds = MonotonicSeconds() - start;
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(flags.output, error));
  if (flags.json) {
    return PrintJson({{"file", flags.output},
                      {"file_bytes", bytes},
                      {"seconds", seconds},
                      {"seed", flags.seed},
                      {"config", ParseStoredJson(ModelConfigToJson(config))}});
  }
  return PrintText(fmt::format("{}: {} of random weights in {}\n", flags.output, FormatBytes(bytes),
                               FormatSeconds(seconds)));
}

}  // namespace

VerbBody DeclareSynth(OptionTable& table) {
  auto flags = std::make_shared<SynthFlags>();
  const std::vector<std::string_view> shapes = SynthShapeNames();
  table.OneOf(table.Value("--shape", "NAME", flags->shape, "One of {}").Required(),
              {shapes.begin(), shapes.end()});
  table.Value("-o,--output", "FILE", flags->output, "File to write").Required();
  table.Value("--seed", "N", flags->seed, "The same seed gives the same file");
  table.Value("--tokenizer", "FILE", flags->tokenizer,
              "A tokenizer.json or tokenizer.model to store in the file");
  const std::vector<std::string_view> types = SynthGgufTypeNames();
  table.OneOf(
      table
          .Value("--gguf", "TYPE", flags->gguf,
                 "Write a GGUF file for llama.cpp instead of a packed one, linear layers as {}")
          .NoDefault(),
      {types.begin(), types.end()});
  table.Flag("--force", flags->force, "Overwrite an existing file");
  table.Json(flags->json);
  table.Examples({"accllm synth --shape llama-2-7b -o synth7b.acc",
                  "accllm bench synth7b.acc -p 512 -n 64",
                  "accllm synth --shape llama-2-7b --gguf Q2_K -o synth7b.gguf"});
  return [flags] { return RunSynth(*flags); };
}

}  // namespace accllm::cli
