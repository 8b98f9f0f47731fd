// accllm generate: continues a prompt.
#include <memory>

#include "compiler/compile.h"
#include "console.h"
#include "draft_source.h"
#include "model_source.h"
#include "options.h"
#include "prompt_flags.h"
#include "sampler_flags.h"
#include "text_generation.h"
#include "token_output.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct GenerateFlags {
  std::string model;
  PromptFlags prompt;
  int64_t max_new_tokens = 128;
  SamplerOptions sampler;
  RunFlags run;
  bool exact = false;
  bool ignore_eos = false;
  bool json = false;
};

struct Speed {
  double prefill;  // tokens a second
  double decode;   // tokens a second; 0 if only one token was generated
};

Speed SpeedOf(const Generation& generation, size_t n_prompt, bool is_eos) {
  // The first token comes with the prompt; one that ended the text was computed too.
  const auto n = static_cast<double>(generation.tokens.size() + (is_eos ? 1 : 0));
  return {static_cast<double>(n_prompt) / generation.prefill_seconds,
          n < 2 ? 0.0 : (n - 1) / generation.decode_seconds};
}

Status Report(const GenerateFlags& flags, const Generation& generation, size_t n_prompt,
              const Speculation& speculation, const TokenOutput& output) {
  const std::string_view stopped_by =
      StoppedBy(generation.tokens.size(), flags.max_new_tokens, output);
  const Speed speed = SpeedOf(generation, n_prompt, stopped_by == "eos");
  if (flags.json) {
    return PrintJson({{"text", output.has_text() ? Json(output.text()) : Json()},
                      {"tokens", generation.tokens},
                      {"prompt_tokens", n_prompt},
                      {"tokens_per_second", speed.decode},
                      {"prefill_tokens_per_second", speed.prefill},
                      {"drafted_tokens", speculation.n_drafted()},
                      {"accepted_tokens", speculation.n_accepted()},
                      {"stopped_by", stopped_by}});
  }
  PrintNote(fmt::format(
      "prompt {} tokens, {:.1f} token/s; generated {}, {:.1f} token/s{}; stopped by {}", n_prompt,
      speed.prefill, generation.tokens.size(), speed.decode, DraftNote(speculation), stopped_by));
  return {};
}

Status CheckFits(const GenerateFlags& flags, const EngineOptions& options, size_t n_prompt) {
  const int64_t needed = static_cast<int64_t>(n_prompt) + flags.max_new_tokens - 1;
  if (options.window.window != AttentionWindow::kAll || needed <= options.max_tokens) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("a prompt of {} tokens and {} new ones do not fit a context of {}",
                          n_prompt, flags.max_new_tokens, options.max_tokens),
              "give a --window, a smaller -n or a larger --context");
}

// What --exact promises: devices run this model too, and so give the same tokens.
Status CheckExact(const GenerateFlags& flags, const ModelSource& source) {
  if (!flags.exact) return {};
  if (!source.is_packed()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("--exact: {} is a checkpoint, which devices do not run", source.path()),
                "`accllm compress` makes a packed file of it; give that");
  }
  Status status = compiler::CheckRunnable(compiler::TensorsOf(source.packed()));
  if (!status) status.error().remedy += ", or leave out --exact: the CPU runs this model";
  return status;
}

Status RunGenerate(const GenerateFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckSamplerOptions(flags.sampler));
  ACCLLM_ASSIGN_OR_RETURN(ModelSource source, ModelSource::Open(flags.model));
  ACCLLM_RETURN_IF_ERROR(CheckExact(flags, source));
  const int64_t bos = source.starts_with_bos() ? source.config().bos_token_id : -1;
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt,
                          flags.prompt.Read(source.tokenizer(), bos, flags.model));
  ACCLLM_ASSIGN_OR_RETURN(const EngineOptions options, flags.run.Engine(source));
  ACCLLM_RETURN_IF_ERROR(CheckFits(flags, options, prompt.size()));
  ACCLLM_ASSIGN_OR_RETURN(const std::unique_ptr<LanguageModel> model, source.LoadModel(options));
  ACCLLM_ASSIGN_OR_RETURN(DraftSource draft, DraftSource::Open(flags.run, source, *model));
  GenerateOptions limits;
  limits.max_new_tokens = flags.max_new_tokens;
  if (!flags.ignore_eos) limits.stop_tokens = source.config().eos_token_ids;
  TokenOutput output(source.tokenizer(), prompt, flags.json);
  Speculation speculation(flags.run.draft, MonotonicSeconds, draft.model());
  ACCLLM_ASSIGN_OR_RETURN(const Generation generation,
                          GenerateText(*model, prompt, limits, flags.sampler, speculation, output));
  ACCLLM_RETURN_IF_ERROR(Report(flags, generation, prompt.size(), speculation, output));
  if (Interrupted()) return tl::unexpected(InterruptedError(""));
  return {};
}

}  // namespace

VerbBody DeclareGenerate(OptionTable& table) {
  auto flags = std::make_shared<GenerateFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc), checkpoint folder or GGUF file");
  flags->prompt.Declare(table);
  table.Value("-n,--max-new-tokens", "N", flags->max_new_tokens, "Tokens to generate, at most")
      .Positive();
  DeclareSampler(table, flags->sampler);
  flags->run.DeclareAttention(table);
  flags->run.DeclareContext(table);
  flags->run.DeclareThreads(table);
  flags->run.DeclareEngine(table);
  flags->run.DeclareDraft(table);
  flags->run.DeclareDraftModel(table);
  table.Flag("--exact", flags->exact,
             "Refuse what the accelerator does not run: the tokens are those of every device");
  table.Flag("--ignore-eos", flags->ignore_eos, "Go on after an end-of-sequence token");
  table.Json(flags->json);
  table.Examples({"accllm generate model.acc -p \"Call me Ishmael.\" -n 200 --temp 0.8",
                  "accllm generate model.acc --prompt-file story.txt --window 1020 --sinks 4",
                  "accllm generate synth7b.acc --prompt-tokens 1,2,3 -n 16 --json"});
  return [flags] { return RunGenerate(*flags); };
}

}  // namespace accllm::cli
