// accllm train: a model from scratch, by a recipe.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/file_io.h"
#include "base/model_config_json.h"
#include "base/process_info.h"
#include "checkpoint/safetensors_writer.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "text_source.h"
#include "tokenizer_source.h"
#include "train_recipe.h"
#include "tune/block_tuner.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

constexpr int64_t kSaveSteps = 100;  // between two copies of the state on disk
constexpr int64_t kMaxIdentityBytes = int64_t{2} << 20;
constexpr int64_t kMeanSteps = 50;  // whose mean loss is reported

struct TrainFlags {
  std::string recipe;
  std::string output;
  RunFlags run;
  bool resume = false;
  bool force = false;
  bool json = false;
};

// Where an unfinished run keeps its state, and which run it is.
struct TrainPlaces {
  explicit TrainPlaces(const std::string& output)
      : state(output + ".partial"), identity(output + ".partial.toml") {}

  std::string state;
  std::string identity;
};

Status CheckTrainOutput(const TrainFlags& flags, const TrainPlaces& places) {
  std::error_code error;
  if (!flags.force && std::filesystem::exists(flags.output, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--output {}: exists", flags.output),
                "give --force to replace what is in it");
  }
  const bool is_begun = std::filesystem::exists(places.state, error);
  if (is_begun && !flags.resume && !flags.force) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: a run that was interrupted", places.state),
                "give --resume to go on with it or --force to start again");
  }
  if (flags.resume && !is_begun) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("{}: there is no run to go on with", places.state),
                "leave --resume away");
  }
  return {};
}

// What the recipe trains on.
struct TrainText {
  std::string tokenizer_bytes;
  TokenizedText text;
};

Result<TrainText> ReadTrainText(const TrainRecipe& recipe) {
  TrainText result;
  ACCLLM_ASSIGN_OR_RETURN(result.tokenizer_bytes, ReadTokenizerFile(recipe.tokenizer_file));
  ACCLLM_ASSIGN_OR_RETURN(const Tokenizer tokenizer,
                          LoadTokenizer(result.tokenizer_bytes, recipe.tokenizer_file));
  ACCLLM_ASSIGN_OR_RETURN(result.text, TokenizeFile(tokenizer, recipe.text_file, recipe.lines));
  if (!recipe.text_xxh3.empty() && result.text.xxh3 != recipe.text_xxh3) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: XXH3 is {}, the recipe wants {}", recipe.text_file,
                            result.text.xxh3, recipe.text_xxh3),
                "fetch the recipe's own text, or change xxh3 in [text]");
  }
  const auto largest = std::max_element(result.text.tokens.begin(), result.text.tokens.end());
  const auto n_sequences = std::ssize(result.text.tokens) / recipe.options.sequence_tokens;
  if (n_sequences < 1 || *largest >= recipe.config.vocab_size) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {} tokens with ids up to {}; the recipe wants sequences of {} and "
                    "a vocabulary of {}",
                    recipe.text_file, result.text.tokens.size(), n_sequences < 1 ? 0 : *largest,
                    recipe.options.sequence_tokens, recipe.config.vocab_size),
        "give a longer text, or vocab_size in [model] as the tokenizer has it");
  }
  return result;
}

// Writes down which run this is; with `resume` it must be the one that was interrupted.
Status KeepIdentity(const TrainRecipe& recipe, const TrainText& text, const TrainPlaces& places,
                    bool resume) {
  const std::string identity =
      fmt::format("{}# XXH3 of the text: {}\n", recipe.source, text.text.xxh3);
  if (!resume) {
    std::error_code error;
    std::filesystem::remove(places.state,
                            error);  // or a later --resume could take it for this run's
    return WriteFileAtomically(places.identity, identity);
  }
  ACCLLM_ASSIGN_OR_RETURN(const std::string begun,
                          ReadTextFile(places.identity, kMaxIdentityBytes));
  if (begun == identity) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: the interrupted run had another recipe or text", places.identity),
              "give those again, or --force to start anew");
}

class TrainRun {
 public:
  TrainRun(const TrainRecipe& recipe, const TrainText& text, const TrainPlaces& places,
           ThreadPool& pool)
      : recipe_(recipe),
        tokens_(text.text.tokens),
        places_(places),
        model_(tune::RandomParameters(recipe.config, recipe.seed)),
        trainer_(recipe.config, model_, recipe.options, pool) {}

  tune::FloatParameters& model() { return model_; }
  double last_loss() const { return n_ == 0 ? 0 : sum_ / static_cast<double>(n_); }

  Status Run(bool resume) {
    if (resume) {
      ACCLLM_RETURN_IF_ERROR(trainer_.Load(places_.state));
    }
    Progress progress("training");
    const int64_t n_steps = recipe_.options.n_steps;
    while (trainer_.step() < n_steps) {
      ACCLLM_ASSIGN_OR_RETURN(const double loss, trainer_.Step(Batch()));
      if (trainer_.step() > n_steps - kMeanSteps) {
        sum_ += loss;
        ++n_;
      }
      progress.Update(static_cast<double>(trainer_.step()) / static_cast<double>(n_steps),
                      fmt::format("loss {:.3f}", loss));
      const bool stops = Interrupted();
      if (stops || trainer_.step() % kSaveSteps == 0 || trainer_.step() == n_steps) {
        ACCLLM_RETURN_IF_ERROR(trainer_.Save(places_.state));
      }
      if (stops) return tl::unexpected(InterruptedError("the same command with --resume goes on"));
    }
    return {};
  }

 private:
  tune::Sequences Batch() const {
    const int64_t size = recipe_.options.sequence_tokens;
    tune::Sequences batch;
    for (const int64_t i : tune::BatchOf(trainer_.step() + 1, recipe_.options.batch_sequences,
                                         std::ssize(tokens_) / size)) {
      batch.push_back(tokens_.subspan(static_cast<size_t>(i * size), static_cast<size_t>(size)));
    }
    return batch;
  }

  const TrainRecipe& recipe_;
  std::span<const int32_t> tokens_;
  const TrainPlaces& places_;
  tune::FloatParameters model_;
  tune::Trainer trainer_;
  double sum_ = 0;
  int64_t n_ = 0;
};

// As a Hugging Face checkpoint names its tensors, in binary16.
std::string CheckpointBytes(const ModelConfig& config, const tune::FloatParameters& model) {
  std::vector<NamedTensor> tensors;
  const auto add = [&](std::string_view name, std::vector<int64_t> shape,
                       const std::vector<float>& values) {
    tensors.push_back(
        {FolderTensorName(name), DType::kF16, std::move(shape), EncodeFloats(values, DType::kF16)});
  };
  add(kEmbedTokensName, {config.vocab_size, config.hidden_size}, model.embedding);
  for (int64_t i = 0; i < config.n_layers; ++i) {
    const FloatLayer& layer = model.layers[static_cast<size_t>(i)];
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(config, kind);
      if (size > 0) add(LayerTensorName(i, kind), {size}, layer.vector(kind));
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      add(LayerTensorName(i, kind), {shape.rows, shape.cols}, layer.linear(kind));
    }
  }
  add(kFinalNormName, {config.hidden_size}, model.final_norm);
  if (!model.lm_head.empty()) {
    add(kLmHeadName, {config.vocab_size, config.hidden_size}, model.lm_head);
  }
  return SafetensorsBytes(tensors);
}

Status WriteTrained(const TrainRecipe& recipe, const TrainText& text, const std::string& folder,
                    const tune::FloatParameters& model) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return Fail(ErrorCode::kIo, fmt::format("{}: cannot create: {}", folder, error.message()));
  }
  const bool is_json = text.tokenizer_bytes.starts_with('{');
  ACCLLM_RETURN_IF_ERROR(
      WriteFileAtomically(folder + "/config.json", ModelConfigToJson(recipe.config)));
  ACCLLM_RETURN_IF_ERROR(WriteFileAtomically(
      folder + (is_json ? "/tokenizer.json" : "/tokenizer.model"), text.tokenizer_bytes));
  ACCLLM_RETURN_IF_ERROR(WriteFileAtomically(folder + "/recipe.toml", recipe.source));
  return WriteFileAtomically(folder + "/model.safetensors", CheckpointBytes(recipe.config, model));
}

Status RunTrain(const TrainFlags& flags) {
  const TrainPlaces places(flags.output);
  ACCLLM_RETURN_IF_ERROR(CheckTrainOutput(flags, places));
  ACCLLM_ASSIGN_OR_RETURN(const TrainRecipe recipe, ReadTrainRecipe(flags.recipe));
  ACCLLM_ASSIGN_OR_RETURN(const TrainText text, ReadTrainText(recipe));
  ACCLLM_RETURN_IF_ERROR(KeepIdentity(recipe, text, places, flags.resume));
  KeepFreedMemory();
  ThreadPool pool(flags.run.n_threads());
  const double start = MonotonicSeconds();
  TrainRun run(recipe, text, places, pool);
  ACCLLM_RETURN_IF_ERROR(run.Run(flags.resume));
  ACCLLM_RETURN_IF_ERROR(WriteTrained(recipe, text, flags.output, run.model()));
  std::error_code error;
  std::filesystem::remove(places.state, error);
  std::filesystem::remove(places.identity, error);
  const double seconds = MonotonicSeconds() - start;
  if (flags.json) {
    return PrintJson({{"folder", flags.output},
                      {"steps", recipe.options.n_steps},
                      {"loss", run.last_loss()},
                      {"seconds", seconds}});
  }
  return PrintText(fmt::format("{}: {} steps in {}, loss {:.3f} over the last {}\n", flags.output,
                               recipe.options.n_steps, FormatSeconds(seconds), run.last_loss(),
                               std::min(kMeanSteps, recipe.options.n_steps)));
}

}  // namespace

VerbBody DeclareTrain(OptionTable& table) {
  auto flags = std::make_shared<TrainFlags>();
  table.Positional("RECIPE", flags->recipe, "TOML file: tables [model], [text] and [training]");
  table.Value("-o,--output", "FOLDER", flags->output, "Checkpoint folder to write").Required();
  flags->run.DeclareThreads(table);
  table.Flag("--resume", flags->resume, "Go on with an interrupted run");
  table.Flag("--force", flags->force, "Replace an existing folder's files, start again");
  table.Json(flags->json);
  table.Examples({"accllm train models/recipes/small-qwen2.toml -o small-qwen2",
                  "accllm train models/recipes/small-qwen2.toml -o small-qwen2 --resume"});
  return [flags] { return RunTrain(*flags); };
}

}  // namespace accllm::cli
