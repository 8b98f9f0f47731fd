// Block-wise distillation: makes quantised blocks do what the float blocks did.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/index.h"
#include "base/result.h"
#include "reference/float_model.h"
#include "tune/block_stack.h"
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

// Inputs (of the compressed stream) and wanted outputs of all sequences: [sequence_tokens, hidden].
struct BlockSamples {
  std::vector<const Matrix*> inputs;
  std::vector<const Matrix*> targets;
};

class BlockTuner {
 public:
  // Trains `blocks`, which follow each other, together: the samples are the first one's inputs and
  // the last one's outputs. Everything given must outlive the tuner.
  BlockTuner(const ModelConfig& config, const BlockSamples& samples, const TuneOptions& options,
             std::vector<TrainableBlock>& blocks, ThreadPool& pool);

  // Steps done.
  int64_t step() const { return step_; }

  // What Step returned so far.
  std::span<const float> losses() const { return std::span(losses_).first(Index(step_)); }

  // One step. Returns the squared error of the batch's outputs before the step, relative to that
  // which the blocks add to the stream. Errors: kNumeric if that is not finite.
  Result<double> Step();

  // Everything the next steps depend on, in a file, and back. Errors: kIo, kCorrupt.
  Status Save(const std::string& path);
  Status Load(const std::string& path);

 private:
  std::vector<std::vector<float>*> State();

  const BlockSamples& samples_;
  const TuneOptions& options_;
  std::vector<TrainableBlock>& blocks_;
  ThreadPool& pool_;
  BlockStack stack_;
  std::vector<float> losses_;  // [n_steps]
  int64_t step_ = 0;
};

}  // namespace accllm::tune
