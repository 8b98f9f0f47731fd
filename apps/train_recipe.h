// A recipe of `accllm train`: a TOML file that says everything the trained model depends on.
#pragma once

#include <cstdint>
#include <string>

#include "base/model_config.h"
#include "base/result.h"
#include "tune/trainer.h"

namespace accllm::cli {

struct TrainRecipe {
  std::string source;  // the file's text
  ModelConfig config;
  std::string text_file;  // these two as seen from the working directory
  std::string tokenizer_file;
  bool lines = false;
  std::string text_xxh3;  // which the text must have; empty: any
  uint64_t seed = 0;
  tune::TrainOptions options;
};

// Reads tables [model] (the fields of a Hugging Face config.json), [text] (file, tokenizer, lines,
// xxh3; paths relative to the recipe's folder) and [training] (steps, sequence_tokens,
// batch_sequences, learning_rate, weight_decay, seed). Errors: kInvalidArgument for text that is no
// TOML; those of ParseModelConfig; kNotFound and kCorrupt for missing, unknown and mistyped fields.
Result<TrainRecipe> ReadTrainRecipe(const std::string& path);

}  // namespace accllm::cli
