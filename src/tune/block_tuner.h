// Block-wise distillation: makes a quantised block do what the float block did.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "reference/float_model.h"
#include "tune/block.h"
#include "tune/trainable_block.h"

namespace accllm::tune {

struct TuneOptions {
  LearningRates rates;  // at their peak; they rise at first and fall to nothing at the end
  int64_t n_steps = 0;
  int64_t batch_sequences = 0;              // sequences of one step
  reference::SimulatedPrecision precision;  // what the forward pass rounds
  // [hidden, hidden] symmetric: the square of an error e of a token's stream is e M e^T. Empty: the
  // identity.
  std::vector<float> metric;
};

// Rate of step `step` (from 1) of `n_steps`, as a share of the peak: a linear rise over the first
// twentieth, then half a cosine.
float ScheduleShare(int64_t step, int64_t n_steps);

// `peak` at step `step`.
LearningRates RatesAt(const LearningRates& peak, int64_t step, int64_t n_steps);

// The sequences of step `step`, out of `n_sequences`: every epoch takes each once, in an order that
// depends on nothing but the epoch.
std::vector<int64_t> BatchOf(int64_t step, int64_t batch_sequences, int64_t n_sequences);

// Called after every step with its number, from 1, and the loss: the squared error of the batch's
// outputs, relative to that which the block adds to the stream. false stops.
using StepCallback = std::function<bool(int64_t step, double loss)>;

// Inputs (of the compressed stream) and wanted outputs of all sequences: [sequence_tokens, hidden].
struct BlockSamples {
  std::vector<const Matrix*> inputs;
  std::vector<const Matrix*> targets;
};

// Errors: kInterrupted; kNumeric if the loss is not finite.
Status TuneBlock(const ModelConfig& config, const BlockSamples& samples, const TuneOptions& options,
                 TrainableBlock& block, ThreadPool& pool, const StepCallback& after_step);

}  // namespace accllm::tune
