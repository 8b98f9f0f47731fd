#include "compare_run.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/bos_windows.h"
#include "base/file_io.h"
#include "compare_page.h"
#include "compare_result.h"
#include "console.h"
#include "packed/packed_writer.h"
#include "runtime/evaluate.h"
#include "runtime/generate.h"
#include "text_source.h"

namespace accllm::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxDefaultWindow = 2048;
constexpr int64_t kMaxResultBytes = int64_t{64} << 20;
// Of a sample, unless the window is shorter.
constexpr int64_t kPromptTokens = 24;
constexpr int64_t kSampleTokens = 48;

// Where everything of a comparison lies.
struct Paths {
  fs::path page;
  fs::path json;
  fs::path folder;  // of the packed files and the results so far

  explicit Paths(const fs::path& output) {
    const bool is_page = output.extension() == ".html";
    page = is_page ? output : output / "report.html";
    json = fs::path(page).replace_extension(".json");
    folder = is_page ? fs::path(output).replace_extension(".recipes") : output;
  }
  std::string Model(std::string_view name) const { return File(name, ".acc"); }
  std::string Result(std::string_view name) const { return File(name, ".result.json"); }

 private:
  std::string File(std::string_view name, std::string_view extension) const {
    return (folder / fmt::format("{}{}", name, extension)).string();
  }
};

// A sample may end inside a character.
std::string ToText(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Error Stopped() { return InterruptedError("the same command with --resume goes on"); }

class Comparer {
 public:
  Comparer(const CompareTask& task, const CheckpointSource& source)
      : task_(task),
        source_(source),
        paths_(task.output),
        pool_(task.n_threads),
        progress_("comparing") {}

  Result<Comparison> Run() {
    ACCLLM_RETURN_IF_ERROR(PrepareFolder());
    ACCLLM_ASSIGN_OR_RETURN(ModelSource reference, ModelSource::Open(task_.checkpoint));
    ACCLLM_RETURN_IF_ERROR(Tokenize(reference));
    attention_ = TrainedAttention(reference.config());  // as `accllm eval` has it inside windows
    ACCLLM_ASSIGN_OR_RETURN(reference_, reference.LoadFloat(attention_));
    ACCLLM_RETURN_IF_ERROR(MeasureReference());
    for (const Recipe* recipe : task_.recipes) ACCLLM_RETURN_IF_ERROR(RunRecipe(*recipe));
    return comparison_;
  }

 private:
  Status PrepareFolder() {
    std::error_code error;
    fs::create_directories(paths_.folder, error);
    if (error) {
      return Fail(ErrorCode::kIo,
                  fmt::format("--output {}: cannot make the folder {}: {}", task_.output,
                              paths_.folder.string(), error.message()));
    }
    if (!task_.resume && !task_.force && fs::exists(paths_.Result("float"), error)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("--output {}: holds results of an earlier run", task_.output),
                  "give --resume to keep what is finished or --force to start anew");
    }
    return {};
  }

  Status Tokenize(const ModelSource& reference) {
    ACCLLM_ASSIGN_OR_RETURN(tokenizer_, reference.RequireTokenizer("compare models that have one"));
    ACCLLM_ASSIGN_OR_RETURN(TokenizedText text,
                            TokenizeFile(*tokenizer_, task_.text, task_.by_lines));
    tokens_ = std::move(text.tokens);
    text_hash_ = text.xxh3;
    window_ = task_.window_tokens > 0
                  ? task_.window_tokens
                  : std::min(kMaxDefaultWindow, reference.config().max_position_embeddings);
    if (reference.starts_with_bos()) bos_ = reference.config().bos_token_id;
    tokens_ = BosWindows(tokens_, window_, bos_);
    const int64_t n = std::min(task_.max_tokens, std::ssize(tokens_)) / window_ * window_;
    if (n == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} of {} tokens of {} are less than a window of {}",
                              task_.max_tokens, tokens_.size(), task_.text, window_),
                  "give a longer --text, a larger --max-tokens or a smaller --window-tokens");
    }
    tokens_.resize(static_cast<size_t>(n));
    ACCLLM_RETURN_IF_ERROR(MakePrompt(reference));
    comparison_.checkpoint = NameOfPath(task_.checkpoint);
    comparison_.calibration = task_.compress.calibration_source;
    comparison_.text = NameOfPath(task_.text);
    comparison_.predicted_tokens = n / window_ * (window_ - 1);
    comparison_.window_tokens = window_;
    comparison_.n_layers = reference.config().n_layers;
    return {};
  }

  Status MakePrompt(const ModelSource& reference) {
    if (task_.prompt.empty()) {
      prompt_.assign(tokens_.begin(), tokens_.begin() + std::min(kPromptTokens, window_ / 2));
    } else {
      prompt_ = BosWindows(tokenizer_->Encode(task_.prompt), 0, bos_);
    }
    if (std::ssize(prompt_) >= window_) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the prompt has {} tokens, a window {}", prompt_.size(), window_),
                  "give a shorter --prompt");
    }
    stop_tokens_ = reference.config().eos_token_ids;
    StreamingDecoder decoder(*tokenizer_);
    for (const int32_t token : prompt_) comparison_.prompt += decoder.Push(token);
    comparison_.prompt += decoder.Flush();
    return {};
  }

  // Everything that a result depends on.
  std::string Fingerprint(const Recipe* recipe) const {
    Json json = {{"version", 1},
                 {"checkpoint", NameOfPath(task_.checkpoint)},
                 {"weight_bytes", source_.checkpoint->weight_bytes()},
                 {"text", text_hash_},
                 {"tokens", tokens_.size()},
                 {"window", window_},
                 {"bos", bos_},
                 {"prompt", prompt_}};
    if (recipe == nullptr) return json.dump();
    json["recipe"] = recipe->name;
    for (const KeepDense& keep : task_.compress.keep_dense) {
      json["keep"].push_back({keep.pattern, static_cast<int>(keep.type)});
    }
    json["attention"] = {task_.compress.window.n_sinks, task_.compress.window.window};
    if (recipe->calibrates()) {
      json["calibration"] = {task_.compress.calibration_hash, task_.compress.n_samples,
                             task_.compress.sample_tokens};
    }
    if (recipe->tuning != Tuning::kNone) {
      json["tuning"] = {task_.compress.tune_steps, task_.compress.tune_blocks,
                        task_.compress.scale_steps, task_.compress.distill_steps,
                        task_.compress.batch_tokens};
    }
    return json.dump();
  }

  // What an earlier run has found out, or nothing yet.
  Result<RecipeResult> Start(const std::string& name, const Recipe* recipe) const {
    RecipeResult fresh;
    fresh.name = name;
    fresh.summary = recipe == nullptr ? "the checkpoint as it is" : recipe->summary;
    fresh.fingerprint = Fingerprint(recipe);
    std::error_code error;
    const std::string path = paths_.Result(name);
    if (!task_.resume || !fs::exists(path, error)) return fresh;
    ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxResultBytes));
    ACCLLM_ASSIGN_OR_RETURN(RecipeResult found, RecipeResult::FromJson(text, path));
    if (found.fingerprint != fresh.fingerprint) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: the earlier run had other options, texts or another checkpoint", path),
          "give the same options as before, or --force to start anew");
    }
    return found;
  }

  Status Save(const RecipeResult& result) const {
    return WriteFileAtomically(paths_.Result(result.name), ToText(result.ToJson()));
  }

  // `share` is what is done of the present step; a recipe has three, the float model one.
  bool Show(double share, const std::string& what) {
    const auto n_steps = static_cast<double>(1 + 3 * task_.recipes.size());
    progress_.Update((steps_done_ + share) / n_steps, what);
    return !Interrupted();
  }

  Result<EvalResult> Measure(const std::string& what, LanguageModel& model,
                             LanguageModel* against) {
    EvalOptions options;
    options.window_tokens = window_;
    auto result = Evaluate(model, against, nullptr, tokens_, options, pool_, [&](int64_t done) {
      return Show(static_cast<double>(done) / static_cast<double>(tokens_.size()), what);
    });
    if (!result && result.error().code == ErrorCode::kInterrupted) {
      return tl::unexpected(Stopped());
    }
    return result;
  }

  Result<std::string> Continue(LanguageModel& model) {
    model.Reset();
    Sampler sampler(SamplerOptions{});
    GenerateOptions options;
    options.max_new_tokens = std::min(kSampleTokens, window_ - std::ssize(prompt_));
    options.stop_tokens = stop_tokens_;
    StreamingDecoder decoder(*tokenizer_);
    for (const int32_t token : prompt_) decoder.Push(token);
    std::string text;
    ACCLLM_RETURN_IF_ERROR(Generate(model, prompt_, options, sampler, nullptr, [&](int32_t token) {
      text += decoder.Push(token);
      return !Interrupted();
    }));
    if (Interrupted()) return tl::unexpected(Stopped());
    return text + decoder.Flush();
  }

  Status MeasureReference() {
    RecipeResult& result = comparison_.reference;
    ACCLLM_ASSIGN_OR_RETURN(result, Start("float", nullptr));
    result.file_bytes = source_.checkpoint->weight_bytes();
    if (result.Find(kWeightsOnly) == nullptr) {
      ACCLLM_ASSIGN_OR_RETURN(const EvalResult eval, Measure("float", *reference_, nullptr));
      result.measurements[std::string(kWeightsOnly)] = {eval.perplexity(), 0, 1, eval.seconds};
    }
    if (!result.sample) {
      ACCLLM_ASSIGN_OR_RETURN(result.sample, Continue(*reference_));
    }
    steps_done_ += 1;
    return Save(result);
  }

  Status RunRecipe(const Recipe& recipe) {
    ACCLLM_ASSIGN_OR_RETURN(RecipeResult result, Start(std::string(recipe.name), &recipe));
    ACCLLM_RETURN_IF_ERROR(CompressOne(recipe, result));
    steps_done_ += 1;
    ACCLLM_ASSIGN_OR_RETURN(ModelSource packed, ModelSource::Open(paths_.Model(recipe.name)));
    if (result.Find(kWeightsOnly) == nullptr) {
      ACCLLM_ASSIGN_OR_RETURN(const auto model, packed.LoadFloat(attention_));
      ACCLLM_RETURN_IF_ERROR(MeasureOne(kWeightsOnly, *model, result));
    }
    steps_done_ += 1;
    if (result.Find(kWholeEngine) == nullptr || !result.sample) {
      EngineOptions options;
      options.window = attention_;
      options.max_tokens = window_;
      options.n_threads = task_.n_threads;
      ACCLLM_ASSIGN_OR_RETURN(const auto engine, packed.LoadEngine(options));
      ACCLLM_RETURN_IF_ERROR(MeasureOne(kWholeEngine, *engine, result));
      ACCLLM_ASSIGN_OR_RETURN(result.sample, Continue(*engine));
      ACCLLM_RETURN_IF_ERROR(Save(result));
    }
    steps_done_ += 1;
    comparison_.recipes.push_back(std::move(result));
    return {};
  }

  Status MeasureOne(std::string_view precision, LanguageModel& model, RecipeResult& result) {
    ACCLLM_ASSIGN_OR_RETURN(
        const EvalResult eval,
        Measure(fmt::format("{} {}", result.name, precision), model, reference_.get()));
    result.measurements[std::string(precision)] = {eval.perplexity(), eval.kl, eval.top1_agreement,
                                                   eval.seconds};
    return Save(result);
  }

  // Makes the packed file, unless an earlier run did.
  Status CompressOne(const Recipe& recipe, RecipeResult& result) {
    const std::string path = paths_.Model(recipe.name);
    std::error_code error;
    if (result.file_bytes > 0 && fs::exists(path, error)) return {};
    CompressOptions options = task_.compress;
    options.recipe = recipe;
    options.resume = task_.resume && fs::exists(PackedWriter::PartialPath(path), error);
    const auto report =
        Compress(*source_.checkpoint, path, options, pool_, [&](const CompressProgress& state) {
          return Show(state.share, fmt::format("{} {}", recipe.name, state.step));
        });
    if (!report) {
      return tl::unexpected(report.error().code == ErrorCode::kInterrupted ? Stopped()
                                                                           : report.error());
    }
    result.file_bytes = report->file_bytes;
    result.bits_per_linear_weight = report->bits_per_linear_weight;
    result.seconds = report->seconds;
    result.measurements.clear();
    result.sample.reset();
    result.masks_kept = 0;
    for (const LinearReport& layer : report->layers) {
      result.relative_errors[layer.name] = layer.relative_error;
      result.masks_kept += layer.is_mask_kept ? 1 : 0;
    }
    return Save(result);
  }

  const CompareTask& task_;
  const CheckpointSource& source_;
  Paths paths_;
  ThreadPool pool_;
  Progress progress_;
  double steps_done_ = 0;
  std::unique_ptr<LanguageModel> reference_;
  const Tokenizer* tokenizer_ = nullptr;
  std::vector<int32_t> tokens_;  // whole windows
  std::string text_hash_;
  AttentionWindow attention_;
  int64_t window_ = 0;
  int64_t bos_ = -1;  // before every text; -1: none
  std::vector<int32_t> prompt_;
  std::vector<int64_t> stop_tokens_;
  Comparison comparison_;
};

}  // namespace

Status RunCompare(const CompareTask& task, const CheckpointSource& source) {
  const Paths paths(task.output);
  Comparison comparison;
  {
    Comparer comparer(task, source);
    ACCLLM_ASSIGN_OR_RETURN(comparison, comparer.Run());
  }
  ACCLLM_RETURN_IF_ERROR(WriteFileAtomically(paths.json.string(), ToText(comparison.ToJson())));
  ACCLLM_RETURN_IF_ERROR(WriteFileAtomically(paths.page.string(), ComparePage(comparison)));
  if (task.json) return PrintJson(comparison.ToJson());
  return PrintText(comparison.ToText() + "\n" +
                   FormatFields({{"page", paths.page.string()}, {"data", paths.json.string()}}));
}

}  // namespace accllm::cli
