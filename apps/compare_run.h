// Compresses a checkpoint with several recipes and measures them side by side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "compress/compress.h"
#include "model_source.h"

namespace accllm::cli {

struct CompareTask {
  std::string checkpoint;  // folder
  // A folder, or a page FILE.html; then the JSON is FILE.json and the rest lies in FILE.recipes.
  std::string output;
  std::vector<const Recipe*> recipes;
  CompressOptions compress;  // but for the recipe and whether to resume
  std::string text;
  bool by_lines = false;
  int64_t max_tokens = 0;     // of the text, at least one window
  int64_t window_tokens = 0;  // 0: the model's context, at most 2048
  std::string prompt;         // empty: the first tokens of the text
  int n_threads = 1;
  bool resume = false;  // keep what an earlier run has finished
  bool force = false;   // or throw it away
  bool json = false;    // print JSON instead of a table
};

// Every finished step is written down at once. Errors: those of compressing, loading and
// evaluating; kInvalidArgument if there are results and neither `resume` nor `force`; kInterrupted.
Status RunCompare(const CompareTask& task, const CheckpointSource& source);

}  // namespace accllm::cli
