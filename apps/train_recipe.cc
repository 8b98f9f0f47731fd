#include "train_recipe.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <sstream>

#include "base/file_io.h"
#include "base/json_fields.h"
#include "checkpoint/config.h"

namespace accllm::cli {
namespace {

constexpr int64_t kMaxRecipeBytes = int64_t{1} << 20;

constexpr auto kTextKeys = std::to_array<std::string_view>({"file", "lines", "tokenizer", "xxh3"});
constexpr auto kTrainingKeys = std::to_array<std::string_view>(
    {"batch_sequences", "learning_rate", "seed", "sequence_tokens", "steps", "weight_decay"});
constexpr auto kTables = std::to_array<std::string_view>({"model", "text", "training"});

std::string ToJson(const toml::table& table) {
  std::ostringstream out;
  out << toml::json_formatter(table);
  return out.str();
}

// A misspelt key must not silently leave its default in place.
Status CheckKeys(const JsonObject& object, std::span<const std::string_view> known) {
  for (const std::string& key : object.Keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return Fail(ErrorCode::kCorrupt, fmt::format("{} is not known", object.Where(key)),
                fmt::format("known are {}", fmt::join(known, ", ")));
  }
  return {};
}

Result<float> Rate(const JsonObject& object, std::string_view key) {
  ACCLLM_ASSIGN_OR_RETURN(const double value, object.Number(key));
  if (value >= 0 && value <= 1) return static_cast<float>(value);
  return Fail(ErrorCode::kCorrupt, fmt::format("{} is {}", object.Where(key), value),
              "give a number from 0 to 1");
}

Status ReadText(const JsonObject& text, const std::filesystem::path& folder, TrainRecipe& recipe) {
  ACCLLM_RETURN_IF_ERROR(CheckKeys(text, kTextKeys));
  ACCLLM_ASSIGN_OR_RETURN(const std::string file, text.String("file"));
  ACCLLM_ASSIGN_OR_RETURN(const std::string tokenizer, text.String("tokenizer"));
  recipe.text_file = (folder / file).lexically_normal().string();
  recipe.tokenizer_file = (folder / tokenizer).lexically_normal().string();
  if (text.Has("lines")) {
    ACCLLM_ASSIGN_OR_RETURN(recipe.lines, text.Bool("lines"));
  }
  if (text.Has("xxh3")) {
    ACCLLM_ASSIGN_OR_RETURN(recipe.text_xxh3, text.String("xxh3"));
  }
  return {};
}

Status ReadTraining(const JsonObject& training, TrainRecipe& recipe) {
  ACCLLM_RETURN_IF_ERROR(CheckKeys(training, kTrainingKeys));
  tune::TrainOptions& options = recipe.options;
  ACCLLM_ASSIGN_OR_RETURN(options.n_steps, training.Int("steps", {1, 1 << 30}));
  ACCLLM_ASSIGN_OR_RETURN(options.sequence_tokens, training.Int("sequence_tokens", {2, 1 << 20}));
  ACCLLM_ASSIGN_OR_RETURN(options.batch_sequences, training.Int("batch_sequences", {1, 1 << 16}));
  ACCLLM_ASSIGN_OR_RETURN(options.learning_rate, Rate(training, "learning_rate"));
  if (training.Has("weight_decay")) {
    ACCLLM_ASSIGN_OR_RETURN(options.weight_decay, Rate(training, "weight_decay"));
  }
  if (training.Has("seed")) {
    ACCLLM_ASSIGN_OR_RETURN(const int64_t seed, training.Int("seed", {}));
    recipe.seed = static_cast<uint64_t>(seed);
  }
  return {};
}

Result<TrainRecipe> ReadTables(const toml::table& root, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(ToJson(root), path));
  ACCLLM_RETURN_IF_ERROR(CheckKeys(fields, kTables));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject model, fields.Object("model"));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject text, fields.Object("text"));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject training, fields.Object("training"));
  TrainRecipe recipe;
  ACCLLM_ASSIGN_OR_RETURN(recipe.config,
                          ParseModelConfig(ToJson(*root["model"].as_table()), model.path()));
  ACCLLM_RETURN_IF_ERROR(ReadText(text, std::filesystem::path(path).parent_path(), recipe));
  ACCLLM_RETURN_IF_ERROR(ReadTraining(training, recipe));
  return recipe;
}

}  // namespace

Result<TrainRecipe> ReadTrainRecipe(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(std::string source, ReadTextFile(path, kMaxRecipeBytes));
  try {
    ACCLLM_ASSIGN_OR_RETURN(TrainRecipe recipe, ReadTables(toml::parse(source, path), path));
    recipe.source = std::move(source);
    return recipe;
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()),
                "correct the TOML there");
  }
}

}  // namespace accllm::cli
