// accllm generate: continues a prompt.
#include <algorithm>
#include <memory>

#include "base/file_io.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "runtime/generate.h"
#include "sampler_flags.h"
#include "verbs.h"
#include "watched_model.h"

namespace accllm::cli {
namespace {

struct GenerateFlags {
  std::string model;
  std::string prompt;
  std::string prompt_file;
  std::vector<int32_t> prompt_tokens;
  int64_t max_new_tokens = 128;
  SamplerOptions sampler;
  RunFlags run;
  bool ignore_eos = false;
  bool json = false;
};

Result<std::vector<int32_t>> ReadPrompt(const GenerateFlags& flags, const ModelSource& source) {
  const int given = (flags.prompt.empty() ? 0 : 1) + (flags.prompt_file.empty() ? 0 : 1) +
                    (flags.prompt_tokens.empty() ? 0 : 1);
  if (given != 1) {
    return Fail(ErrorCode::kInvalidArgument,
                given == 0 ? "there is no prompt" : "there is more than one prompt",
                "give one of --prompt, --prompt-file and --prompt-tokens");
  }
  if (!flags.prompt_tokens.empty()) return flags.prompt_tokens;
  ACCLLM_ASSIGN_OR_RETURN(
      const Tokenizer* tokenizer,
      source.RequireTokenizer("give the prompt as token ids: --prompt-tokens 1,2,3"));
  std::string text = flags.prompt;
  if (!flags.prompt_file.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(
        text, ReadTextFile(flags.prompt_file, static_cast<int64_t>(Tokenizer::kMaxTextBytes)));
  }
  std::vector<int32_t> tokens = tokenizer->Encode(text);
  if (source.starts_with_bos()) {
    tokens.insert(tokens.begin(), static_cast<int32_t>(source.config().bos_token_id));
  }
  return tokens;
}

// Streams text, or ids where there is no tokenizer, and keeps all of it.
class Output {
 public:
  Output(const Tokenizer* tokenizer, std::span<const int32_t> prompt, bool is_silent)
      : is_silent_(is_silent) {
    if (tokenizer == nullptr) return;
    decoder_.emplace(*tokenizer);
    for (const int32_t token : prompt) decoder_->Push(token);
  }

  void Push(int32_t token) {
    Emit(decoder_ ? decoder_->Push(token) : fmt::format("{}{}", text_.empty() ? "" : " ", token));
  }

  Status Finish() {
    if (decoder_) Emit(decoder_->Flush());
    if (!is_silent_) Emit("\n");
    return status_;
  }

  bool is_ok() const { return status_.has_value(); }
  bool has_text() const { return decoder_.has_value(); }
  const std::string& text() const { return text_; }

 private:
  void Emit(const std::string& text) {
    text_ += text;
    if (!is_silent_ && !text.empty() && status_) status_ = PrintText(text);
  }

  bool is_silent_;
  std::optional<StreamingDecoder> decoder_;
  std::string text_;
  Status status_;
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
              const Speculation& speculation, const Output& output) {
  const bool is_full = static_cast<int64_t>(generation.tokens.size()) == flags.max_new_tokens;
  const bool is_eos = !is_full && !Interrupted() && output.is_ok();
  const Speed speed = SpeedOf(generation, n_prompt, is_eos);
  const char* stopped_by = is_eos ? "eos" : is_full ? "length" : "interrupt";
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
  std::string guessed;
  if (speculation.n_drafted() > 0) {
    guessed = fmt::format(" ({} guessed, {} of them right)", speculation.n_drafted(),
                          speculation.n_accepted());
  }
  PrintNote(fmt::format(
      "prompt {} tokens, {:.1f} token/s; generated {}, {:.1f} token/s{}; stopped by {}", n_prompt,
      speed.prefill, generation.tokens.size(), speed.decode, guessed, stopped_by));
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

Status RunGenerate(const GenerateFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckSamplerOptions(flags.sampler));
  ACCLLM_ASSIGN_OR_RETURN(ModelSource source, ModelSource::Open(flags.model));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt, ReadPrompt(flags, source));
  ACCLLM_ASSIGN_OR_RETURN(const EngineOptions options, flags.run.Engine(source));
  ACCLLM_RETURN_IF_ERROR(CheckFits(flags, options, prompt.size()));
  ACCLLM_ASSIGN_OR_RETURN(const std::unique_ptr<LanguageModel> model, source.LoadModel(options));
  Progress progress("reading the prompt");
  WatchedModel watched(*model, [&](int64_t done, int64_t total) {
    if (total <= WatchedModel::kShortCall) return true;
    progress.Update(static_cast<double>(done) / static_cast<double>(total));
    return !Interrupted();
  });
  GenerateOptions limits;
  limits.max_new_tokens = flags.max_new_tokens;
  if (!flags.ignore_eos) limits.stop_tokens = source.config().eos_token_ids;
  Output output(source.tokenizer(), prompt, flags.json);
  Sampler sampler(flags.sampler);
  Speculation speculation(flags.run.draft);
  auto generation = Generate(watched, prompt, limits, sampler, &speculation, [&](int32_t token) {
    output.Push(token);
    return !Interrupted() && output.is_ok();
  });
  if (!generation) {
    if (Interrupted()) return tl::unexpected(InterruptedError("nothing is kept"));
    return tl::unexpected(generation.error());
  }
  ACCLLM_RETURN_IF_ERROR(output.Finish());
  ACCLLM_RETURN_IF_ERROR(Report(flags, *generation, prompt.size(), speculation, output));
  if (Interrupted()) return tl::unexpected(InterruptedError(""));
  return {};
}

}  // namespace

VerbBody DeclareGenerate(OptionTable& table) {
  auto flags = std::make_shared<GenerateFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc), checkpoint folder or GGUF file");
  table.Exclusive({
      table.Value("-p,--prompt", "TEXT", flags->prompt, "The text to continue"),
      table.Value("--prompt-file", "FILE", flags->prompt_file, "The same from a file"),
      table.Value("--prompt-tokens", "IDS", flags->prompt_tokens,
                  "The same as token ids, taken as they are: 1,2,3"),
  });
  table.Value("-n,--max-new-tokens", "N", flags->max_new_tokens, "Tokens to generate, at most")
      .Positive();
  DeclareSampler(table, flags->sampler);
  flags->run.DeclareAttention(table);
  flags->run.DeclareContext(table);
  flags->run.DeclareThreads(table);
  flags->run.DeclareChunk(table);
  flags->run.DeclareDraft(table);
  table.Flag("--ignore-eos", flags->ignore_eos, "Go on after an end-of-sequence token");
  table.Json(flags->json);
  table.Examples({"accllm generate model.acc -p \"Call me Ishmael.\" -n 200 --temp 0.8",
                  "accllm generate model.acc --prompt-file story.txt --window 1020 --sinks 4",
                  "accllm generate synth7b.acc --prompt-tokens 1,2,3 -n 16 --json"});
  return [flags] { return RunGenerate(*flags); };
}

}  // namespace accllm::cli
