// Gradient descent on a whole compressed model.
#pragma once

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
  TuneSettings settings;
  int64_t sequence_tokens = 0;
};

struct DistilledModel {
  std::vector<CompressedLayer> layers;
  std::vector<float> final_norm;
  TuneReport report;
};

// Trains the model whose tensors `writer` holds, on all of the text. What an interruption leaves at
// `state_path` is gone on from, with the same result. Errors: kInterrupted, kNumeric; those of
// reading and writing.
Result<DistilledModel> DistillModel(const DistillTask& task, const PackedWriter& writer,
                                    ThreadPool& pool, const StepCallback& after_step);

}  // namespace accllm
