// From a checkpoint to a packed model, layer by layer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "compress/recipes.h"
#include "spec/packed_format.h"

namespace accllm {

// Tensors whose name matches `pattern` (a glob with * and ?) take this type.
struct KeepDense {
  std::string pattern;
  format::TensorType type;
};

// What a bit budget may make of a matrix, sparsest first. f16 is not among them: w8 costs no
// quality that counts.
inline constexpr auto kBudgetTypes =
    std::to_array<format::TensorType>({format::TensorType::kW2, format::TensorType::kW3,
                                       format::TensorType::kW4, format::TensorType::kW8});

struct CompressOptions {
  Recipe recipe = DefaultRecipe();    // docs/compression.md
  AttentionWindow window;             // stored as the model's default
  std::vector<KeepDense> keep_dense;  // the last match wins
  // What a linear weight may take on average: matrices that `keep_dense` leaves open take denser
  // types than the recipe's, of `bits_types`, where that lowers the model's estimated loss most.
  // 0: no budget.
  double bits = 0;
  std::vector<format::TensorType> bits_types{kBudgetTypes.begin(), kBudgetTypes.end()};
  // Calibration: samples of `sample_tokens` tokens, taken evenly from the text. Only for
  // recipes that calibrate.
  std::vector<int32_t> calibration;  // token ids of the whole text
  int64_t n_samples = 128;
  int64_t sample_tokens = 0;  // 0: the model's context, at most 512
  int64_t low_rank = 0;       // rank of every quantised linear layer's low-rank part; 0: none
  // For recipes that tune.
  int64_t tune_steps = 300;   // of each group of blocks
  int64_t tune_blocks = 1;    // neighbouring blocks of a group, trained together
  int64_t scale_steps = 300;  // of the model's scales, norms and head, behind its blocks; 0: none
  int64_t distill_steps = 1000;  // of the whole model, instead
  int64_t batch_tokens = 2048;   // tokens of one step
  bool resume = false;
  std::string tokenizer_bytes;     // stored as it is; may be empty
  bool add_bos_token = true;       // whether texts start with BOS, samples too; stored
  std::string text_json = "{}";    // PackedMetadata::text_json
  std::string source;              // what the provenance calls the checkpoint
  std::string calibration_source;  // what the provenance calls the text
  std::string calibration_hash;    // XXH3 of the text, in hexadecimal; part of the resume check
};

struct LinearReport {
  std::string name;
  std::string type;
  // Error of the layer's output on the calibration text: tr(E H E^T) / tr(W H W^T), where W are the
  // weights aimed at. Without calibration: of the weights themselves.
  double relative_error = 0;
  bool is_mask_kept = false;  // the matrix was 2:4 sparse already, and its survivors stayed
  double seconds = 0;
};

// How far gradient descent came: its loss over the first and the last tenth of the steps.
struct TuneReport {
  double before = 0;
  double after = 0;
};

// The type of one matrix under a bit budget, and what it is estimated to cost: KL divergence from
// the float model in nats a token (compress/sensitivity.h).
struct BudgetChoice {
  std::string name;
  std::string type;
  double loss = 0;
  double base_loss = 0;  // with the recipe's type
};

struct CompressReport {
  std::vector<LinearReport> layers;
  std::vector<BudgetChoice> budget;  // of every matrix left open; empty without a budget
  std::vector<TuneReport> tuning;    // of every group of blocks, where the recipe tunes
  // KL divergence from the float model on calibration text, likewise, where the model is trained as
  // a whole; else 0.
  TuneReport distillation;
  int64_t file_bytes = 0;
  int64_t checkpoint_bytes = 0;  // of the weights in the checkpoint
  double bits_per_linear_weight = 0;
  int64_t low_rank_bytes = 0;  // of the low-rank parts, counted in the bits
  double padding_share = 0;    // share of the packed linear bytes that padding takes
  double seconds = 0;
  int64_t resumed_layers = 0;  // layers taken over from an interrupted run
};

struct CompressProgress {
  double share = 0;  // of the work that is done, 0..1
  std::string step;  // what is being worked on
};

// Called before every tensor and after every step of gradient descent; returns false to stop. What
// is done so far, to the last block written or the last step, is saved.
using CompressCallback = std::function<bool(const CompressProgress&)>;

// Writes `output`. While it works there is `output`.partial and its journal `output`.partial.json;
// after an interruption at any moment `resume` goes on from the last finished layer and gives the
// same bytes as an uninterrupted run.
// Errors: those of reading and writing, kInvalidArgument (options), kInterrupted.
Result<CompressReport> Compress(const Checkpoint& checkpoint, const std::string& output,
                                const CompressOptions& options, ThreadPool& pool,
                                const CompressCallback& progress);

}  // namespace accllm
