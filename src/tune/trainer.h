// Training of a float model from scratch: to predict the next token of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "tune/adam.h"
#include "tune/block_stack.h"

namespace accllm::tune {

struct FloatParameters {
  std::vector<float> embedding;  // [vocab, hidden]
  std::vector<float> lm_head;    // [vocab, hidden]; empty if tied
  std::vector<float> final_norm;
  std::vector<FloatLayer> layers;

  std::vector<std::vector<float>*> matrices();
  std::vector<std::vector<float>*> arrays();  // all: the matrices, then the vectors
};

// Matrices of normal distribution with deviation 0.02, those that add to the residual stream
// divided by sqrt(2 layers); norms 1, biases 0. The same seed gives the same numbers.
FloatParameters RandomParameters(const ModelConfig& config, uint64_t seed);

struct TrainOptions {
  float learning_rate = 0;  // the highest; it rises over a twentieth of the steps and falls as a
                            // half cosine
  float weight_decay = 0;   // of matrices, times the learning rate, each step
  int64_t n_steps = 0;
  int64_t sequence_tokens = 0;
  int64_t batch_sequences = 0;
};

class Trainer {
 public:
  // `config` and `model` must outlive the trainer.
  Trainer(const ModelConfig& config, FloatParameters& model, const TrainOptions& options,
          ThreadPool& pool);

  int64_t step() const { return step_; }  // steps done

  // One step of Adam on `sequences`, the gradient's norm clipped at 1. Returns the mean negative
  // log-likelihood of their tokens but the first, in nats, before the step. Errors: kNumeric if
  // that is not finite.
  Result<double> Step(const Sequences& sequences);

  // Everything the next steps depend on, in a file, and back. Errors: kIo, kCorrupt.
  Status Save(const std::string& path);
  Status Load(const std::string& path);

 private:
  // Sets gradients_, returns the loss.
  double Gradients(const Sequences& sequences);
  std::vector<std::vector<float>*> State();

  const ModelConfig& config_;
  FloatParameters& model_;
  TrainOptions options_;
  ThreadPool& pool_;
  BlockStack stack_;
  FloatParameters gradients_;
  std::vector<Adam> adams_;  // in the order of arrays()
  int64_t step_ = 0;
};

}  // namespace accllm::tune
