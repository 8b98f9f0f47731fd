// Gradient descent on neighbouring compressed blocks, on the calibration samples.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compress/calibration.h"
#include "compress/descent.h"
#include "compress/layer_compressor.h"
#include "tune/block_tuner.h"

namespace accllm {

struct TuneSettings {
  int64_t n_steps = 0;
  int64_t batch_tokens = 0;   // tokens of one step; at least one sequence is taken
  std::vector<float> metric;  // of errors of the stream (tune::TuneOptions)
};

// The options of a run on sequences of `sequence_tokens`, at the engine's precision.
tune::TuneOptions MakeTuneOptions(const TuneSettings& settings, int64_t sequence_tokens,
                                  const tune::LearningRates& rates);

// Trains `layers`, which follow each other, together to give the outputs that the float model has
// after the last, with 8-bit activations and a 4-bit cache simulated. `inputs` are the compressed
// model's streams before the first; afterwards `calibration`, which stands behind the last, holds
// what the trained blocks make of them. What an interruption leaves at `state_path` is gone on
// from, with the same result. Errors: kInterrupted, kNumeric; those of reading and writing.
Result<TuneReport> TuneBlocks(const ModelConfig& config, const TuneSettings& settings,
                              std::vector<reference::Matrix> inputs, Calibration& calibration,
                              std::span<CompressedLayer> layers, const std::string& state_path,
                              ThreadPool& pool, const StepCallback& after_step);

// A compressed block as parameters. `layer` keeps its values; those that are 2:4 sparse in the
// checkpoint keep their masks.
tune::TrainableBlock MakeTrainable(const CompressedLayer& layer, tune::Trained trained,
                                   ThreadPool& pool);

// The inverse: what `block` was trained to, in `layer`.
void TakeTrained(const tune::TrainableBlock& block, CompressedLayer& layer);

}  // namespace accllm
