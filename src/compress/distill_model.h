// Gradient descent on a whole compressed model.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "compress/layer_compressor.h"
#include "compress/tune_blocks.h"
#include "packed/packed_writer.h"

namespace accllm {

struct DistillTask {
  const Checkpoint& checkpoint;              // the float model
  const std::vector<TensorPlan>& plan;       // of the file that holds the compressed model
  const std::vector<LinearReport>& reports;  // of its linear layers
  std::span<const int32_t> text;             // token ids of the calibration text
  std::string state_path;                    // where interrupted work is kept
  tune::Trained trained;                     // of its blocks' matrices
  TuneSettings settings;
  int64_t sequence_tokens = 0;
};

// Takes a block that has been trained, in order.
using TakeLayer = std::function<Status(int64_t index, const CompressedLayer& layer)>;

struct DistilledModel {
  std::vector<float> final_norm;
  std::vector<float> head;  // [vocab, hidden]; the embedding too, where they are tied
  TuneReport report;
};

// Trains the model whose tensors `writer` holds, on all of the text; gives `take` its blocks. If
// levels stay, packed blocks are held and one as floats, else all blocks as parameters. What an
// interruption leaves at `state_path` is gone on from, with the same result. Errors: kInterrupted,
// kNumeric; those of reading and writing, and of `take`.
Result<DistilledModel> DistillModel(const DistillTask& task, const PackedWriter& writer,
                                    ThreadPool& pool, const StepCallback& after_step,
                                    const TakeLayer& take);

}  // namespace accllm
