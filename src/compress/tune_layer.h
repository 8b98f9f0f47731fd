// Gradient descent on one compressed block, on the calibration samples.
#pragma once

#include <vector>

#include "compress/calibration.h"
#include "compress/compress.h"
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

// Trains `layer` to give the outputs that the float model has after it, with 8-bit activations and
// a 4-bit cache simulated. `inputs` are the compressed model's streams before the block; afterwards
// `calibration`, which stands behind the block, holds what the trained block makes of them.
// Errors: kInterrupted, kNumeric.
Result<TuneReport> TuneLayer(const ModelConfig& config, const TuneSettings& settings,
                             std::vector<reference::Matrix> inputs, Calibration& calibration,
                             CompressedLayer& layer, ThreadPool& pool,
                             const tune::StepCallback& after_step);

// A compressed block as parameters. `layer` keeps its values; those that are 2:4 sparse in the
// checkpoint keep their masks.
tune::TrainableBlock MakeTrainable(const CompressedLayer& layer, ThreadPool& pool);

// The inverse: what `block` was trained to, in `layer`.
void TakeTrained(const tune::TrainableBlock& block, CompressedLayer& layer);

// The losses of a run, as they come.
class LossReport {
 public:
  explicit LossReport(int64_t n_steps) : n_steps_(n_steps) {}
  void Add(int64_t step, double loss);
  TuneReport report() const;

 private:
  int64_t Span() const;

  int64_t n_steps_;
  TuneReport sums_;
  int64_t n_before_ = 0;
  int64_t n_after_ = 0;
};

}  // namespace accllm
