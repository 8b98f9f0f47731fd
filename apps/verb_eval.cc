// accllm eval: perplexity of a text, and divergence from the float checkpoint.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "base/bos_windows.h"
#include "base/process_info.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "runtime/evaluate.h"
#include "text_source.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

constexpr int64_t kDefaultWindowTokens = 2048;
constexpr std::string_view kEnginePrecision = "wa8kv4";

struct EvalFlags {
  std::string model;
  std::string text;
  bool lines = false;
  int64_t window_tokens = 0;
  bool stream = false;
  std::string against;
  std::string precision;
  int64_t max_tokens = 0;
  int64_t recompute_samples = 0;
  RunFlags run;
  bool json = false;
};

Status CheckFlags(const EvalFlags& flags) {
  if (flags.stream && flags.window_tokens > 0) {
    return Fail(ErrorCode::kInvalidArgument, "--stream and --window-tokens exclude each other",
                "give one of them");
  }
  if (!flags.stream && flags.recompute_samples > 0) {
    return Fail(ErrorCode::kInvalidArgument, "--recompute-samples needs --stream",
                "give --stream too");
  }
  return {};
}

// What is evaluated, and how.
struct Plan {
  std::vector<int32_t> tokens;
  EvalOptions options;
  EngineOptions engine;
  std::string precision;   // "float" for a checkpoint
  int64_t bos = -1;        // starts each window, or the stream; -1: none
  int64_t text_bytes = 0;  // of the tokens that are predicted
};

// Inside windows attention as in training, unless the user asks for another window; the model's own
// in a stream.
Result<EngineOptions> PlanEngine(const EvalFlags& flags, const ModelSource& source,
                                 int64_t max_tokens) {
  AttentionWindow attention = source.attention();
  if (!flags.stream && flags.run.window.empty()) attention = TrainedAttention(source.config());
  EngineOptions engine;
  ACCLLM_ASSIGN_OR_RETURN(engine.window, flags.run.Attention(attention));
  engine.max_tokens = max_tokens;
  engine.n_threads = flags.run.n_threads();
  engine.chunk = flags.run.chunk;
  return engine;
}

// A window predicts all its tokens but the first; a stream is one long window.
int64_t PredictedBytes(const std::vector<int32_t>& bytes, int64_t window) {
  const auto n = static_cast<int64_t>(bytes.size());
  if (window == 0) window = n;
  int64_t total = 0;
  for (int64_t i = 0; i < n / window * window; ++i) {
    if (i % window != 0) total += bytes[static_cast<size_t>(i)];
  }
  return total;
}

Result<Plan> MakePlan(const EvalFlags& flags, const ModelSource& source) {
  Plan plan;
  plan.precision = flags.precision;
  if (!source.is_packed() && !plan.precision.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "--precision is for packed files; a checkpoint is evaluated in float",
                "leave it out");
  }
  if (plan.precision.empty()) plan.precision = source.is_packed() ? kEnginePrecision : "float";
  ACCLLM_ASSIGN_OR_RETURN(const Tokenizer* tokenizer,
                          source.RequireTokenizer("evaluate a model that has one"));
  ACCLLM_ASSIGN_OR_RETURN(TokenizedText text, TokenizeFile(*tokenizer, flags.text, flags.lines));
  const auto available = static_cast<int64_t>(text.tokens.size());
  const int64_t n = flags.max_tokens > 0 ? std::min(flags.max_tokens, available) : available;
  text.tokens.resize(static_cast<size_t>(n));
  int64_t& window_tokens = plan.options.window_tokens;
  if (!flags.stream) {
    window_tokens = flags.window_tokens > 0
                        ? flags.window_tokens
                        : std::min(kDefaultWindowTokens, source.config().max_position_embeddings);
  }
  if (source.starts_with_bos()) plan.bos = source.config().bos_token_id;
  plan.tokens = BosWindows(text.tokens, window_tokens, plan.bos);
  ACCLLM_ASSIGN_OR_RETURN(
      plan.engine,
      PlanEngine(flags, source,
                 flags.stream ? std::max<int64_t>(1, std::ssize(plan.tokens)) : window_tokens));
  plan.options.recompute_samples = flags.recompute_samples;
  plan.options.n_sinks = plan.engine.window.n_sinks;
  plan.options.window = plan.engine.window.window;
  const std::vector<int32_t> bytes = TextBytesOf(*tokenizer, text.tokens, flags.lines);
  plan.text_bytes =
      PredictedBytes(plan.bos < 0 ? bytes : BosWindows(bytes, window_tokens, 0), window_tokens);
  return plan;
}

Result<std::unique_ptr<LanguageModel>> LoadModel(ModelSource& source, const Plan& plan) {
  if (plan.precision == kEnginePrecision) return source.LoadEngine(plan.engine);
  return source.LoadFloat(plan.engine.window, {.a8 = plan.precision == "wa8"});
}

Json TenthJson(const EvalSegment& tenth) {
  Json json = {
      {"tokens", tenth.predictions},
      {"perplexity", std::exp(tenth.mean_nll)},
      {"seconds", tenth.seconds},
      {"microseconds_per_token", 1e6 * tenth.seconds / static_cast<double>(tenth.predictions)},
      {"rss_bytes", tenth.resident_bytes},
      {"samples", tenth.samples},
      {"stream_perplexity_sampled", nullptr},
      {"recomputed_perplexity", nullptr},
  };
  if (tenth.samples > 0) {
    json["stream_perplexity_sampled"] = std::exp(tenth.sampled_nll);
    json["recomputed_perplexity"] = std::exp(tenth.recomputed_nll);
  }
  return json;
}

struct Outcome {
  EvalResult result;
  double bits_per_byte;
  int64_t rss_bytes;
};

Json OutcomeJson(const EvalFlags& flags, const Plan& plan, const Outcome& outcome) {
  const EvalResult& result = outcome.result;
  const AttentionWindow& window = plan.engine.window;
  Json json = {
      {"model", flags.model},
      {"text", flags.text},
      {"precision", plan.precision},
      {"starts_with_bos", plan.bos >= 0},
      {"window_tokens", flags.stream ? Json() : Json(plan.options.window_tokens)},
      {"sinks", window.n_sinks},
      {"window", window.window == AttentionWindow::kAll ? Json("all") : Json(window.window)},
      {"perplexity", result.perplexity()},
      {"mean_nll", result.mean_nll},
      {"bits_per_byte", outcome.bits_per_byte},
      {"tokens", result.predictions},
      {"seconds", result.seconds},
      {"rss_bytes", outcome.rss_bytes},
  };
  if (!flags.against.empty()) {
    json["kl"] = result.kl;
    json["top1_agreement"] = result.top1_agreement;
  }
  if (flags.stream) {
    json["tenths"] = Json::array();
    for (const EvalSegment& tenth : result.tenths) json["tenths"].push_back(TenthJson(tenth));
  }
  return json;
}

std::string TenthsTable(const EvalResult& result) {
  std::vector<std::vector<std::string>> rows = {
      {"tenth", "tokens", "perplexity", "us/token", "memory", "sampled", "recomputed"}};
  for (size_t i = 0; i < result.tenths.size(); ++i) {
    const EvalSegment& tenth = result.tenths[i];
    const bool has_samples = tenth.samples > 0;
    rows.push_back(
        {fmt::format("{}", i + 1), fmt::format("{}", tenth.predictions),
         fmt::format("{:.3f}", std::exp(tenth.mean_nll)),
         fmt::format("{:.0f}", 1e6 * tenth.seconds / static_cast<double>(tenth.predictions)),
         FormatBytes(tenth.resident_bytes),
         has_samples ? fmt::format("{:.3f}", std::exp(tenth.sampled_nll)) : "-",
         has_samples ? fmt::format("{:.3f}", std::exp(tenth.recomputed_nll)) : "-"});
  }
  return "\n" + FormatTable(rows);
}

std::string OutcomeText(const EvalFlags& flags, const Plan& plan, const Outcome& outcome) {
  const EvalResult& result = outcome.result;
  const double speed = static_cast<double>(result.predictions) / result.seconds;
  std::vector<std::pair<std::string, std::string>> fields = {
      {"perplexity", fmt::format("{:.4f}", result.perplexity())},
      {"bits per byte", fmt::format("{:.4f}", outcome.bits_per_byte)},
      {"predicted tokens", fmt::format("{}", result.predictions)},
      {"precision", plan.precision},
      {"time", fmt::format("{} ({:.0f} token/s)", FormatSeconds(result.seconds), speed)},
      {"memory", FormatBytes(outcome.rss_bytes)},
  };
  if (plan.bos >= 0) {
    fields.push_back({flags.stream ? "the text starts with" : "windows start with",
                      fmt::format("BOS (token {})", plan.bos)});
  }
  if (!flags.against.empty()) {
    fields.push_back({"KL divergence", fmt::format("{:.5f} nat", result.kl)});
    fields.push_back({"same top token", fmt::format("{:.2f} %", 100 * result.top1_agreement)});
  }
  return FormatFields(fields) + (flags.stream ? TenthsTable(result) : "");
}

Result<EvalResult> Measure(ModelSource& source, ModelSource* other_source, const Plan& plan) {
  std::unique_ptr<LanguageModel> fresh;
  std::unique_ptr<LanguageModel> other;
  ACCLLM_ASSIGN_OR_RETURN(const std::unique_ptr<LanguageModel> model, LoadModel(source, plan));
  if (plan.options.recompute_samples > 0) {
    ACCLLM_ASSIGN_OR_RETURN(fresh, LoadModel(source, plan));
  }
  if (other_source != nullptr) {
    ACCLLM_ASSIGN_OR_RETURN(other, other_source->LoadFloat(plan.engine.window));
  }
  ThreadPool pool(plan.engine.n_threads);
  Progress progress("evaluating");
  const auto n_tokens = static_cast<double>(plan.tokens.size());
  return Evaluate(*model, other.get(), fresh.get(), plan.tokens, plan.options, pool,
                  [&](int64_t done) {
                    progress.Update(static_cast<double>(done) / n_tokens);
                    return !Interrupted();
                  });
}

Status RunEval(const EvalFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckFlags(flags));
  ACCLLM_ASSIGN_OR_RETURN(ModelSource source, ModelSource::Open(flags.model));
  std::optional<ModelSource> other;
  if (!flags.against.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(other, ModelSource::Open(flags.against));
  }
  ACCLLM_ASSIGN_OR_RETURN(const Plan plan, MakePlan(flags, source));
  Outcome outcome;
  ACCLLM_ASSIGN_OR_RETURN(outcome.result, Measure(source, other ? &*other : nullptr, plan));
  outcome.rss_bytes = std::max(PeakResidentBytes(), ResidentBytes());
  const double total_nll =
      outcome.result.mean_nll * static_cast<double>(outcome.result.predictions);
  outcome.bits_per_byte = total_nll / std::numbers::ln2 / static_cast<double>(plan.text_bytes);
  return flags.json ? PrintJson(OutcomeJson(flags, plan, outcome))
                    : PrintText(OutcomeText(flags, plan, outcome));
}

}  // namespace

VerbBody DeclareEval(OptionTable& table) {
  auto flags = std::make_shared<EvalFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc), checkpoint folder or GGUF file");
  table.Value("--text", "FILE", flags->text, "The text to predict").Required();
  table.Flag("--lines", flags->lines, "Encode each line by itself, then a newline token");
  const OptionRef window_tokens =
      table
          .Value("--window-tokens", "N", flags->window_tokens,
                 "Cut the text into windows of N tokens, each from an empty cache; default: the "
                 "model's context, at most 2048")
          .NoDefault()
          .InRange(2, 1 << 30);
  const OptionRef stream = table.Flag("--stream", flags->stream,
                                      "Predict the text as one endless stream, reported in tenths");
  table.Exclusive({window_tokens, stream});
  flags->run.DeclareAttention(table, "as trained inside windows, the model's own in a stream");
  table.Value("--against", "CHECKPOINT", flags->against,
              "Also report KL divergence and top-1 agreement with this model in float");
  table.OneOf(
      table.Value("--precision", "P", flags->precision,
                  "Of a packed file: wa8kv4 runs the engine; wa8 and w run its weights in float, "
                  "with and without 8-bit activations; default: wa8kv4"),
      {"w", "wa8", "wa8kv4"});
  table.Value("--max-tokens", "N", flags->max_tokens, "Stop after N tokens of the text")
      .NoDefault()
      .Positive();
  const OptionRef recompute_samples =
      table
          .Value("--recompute-samples", "N", flags->recompute_samples,
                 "With --stream: in each tenth compare N predictions with predictions from nothing "
                 "but the visible tokens")
          .NonNegative();
  table.OnlyWith(stream, {recompute_samples});
  flags->run.DeclareThreads(table);
  flags->run.DeclareEngine(table);
  table.Json(flags->json);
  table.Examples(
      {"accllm eval model.acc --text book.txt",
       "accllm eval model.acc --text book.txt --against models/books-6m --max-tokens 16384",
       "accllm eval model.acc --text long.txt --stream --window 1020 --sinks 4 "
       "--recompute-samples 16 --json"});
  return [flags] { return RunEval(*flags); };
}

}  // namespace accllm::cli
