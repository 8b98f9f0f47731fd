// End-to-end distillation: makes a quantised model predict what the float model predicts.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/index.h"
#include "base/result.h"
#include "reference/float_weights.h"
#include "tune/block_stack.h"
#include "tune/block_tuner.h"

namespace accllm::tune {

// The quantised model. Blocks, final norm and output head are trained; an embedding that is not the
// head too stays. Blocks may be closed: then each is open only while it is run.
struct Student {
  std::vector<float> embedding;  // [vocab, hidden]
  std::vector<float> lm_head;    // [vocab, hidden]; empty if tied
  std::vector<float> final_norm;
  std::vector<TrainableBlock> blocks;

  std::vector<float>& head() { return lm_head.empty() ? embedding : lm_head; }
};

class Distiller {
 public:
  // `teacher` and `student` must outlive the distiller. Sequences have `sequence_tokens` tokens.
  Distiller(reference::FloatWeights& teacher, Student& student, int64_t sequence_tokens,
            const TuneOptions& options, ThreadPool& pool);

  // Steps done.
  int64_t step() const { return step_; }

  // What Step returned so far.
  std::span<const float> losses() const { return std::span(losses_).first(Index(step_)); }

  // One step on `sequences`, each of sequence_tokens token ids. Returns the mean KL divergence of
  // the student from the teacher on them, in nats a token, before the step.
  // Errors: those of reading the teacher; kNumeric if the divergence is not finite.
  Result<double> Step(const std::vector<std::span<const int32_t>>& sequences);

  // Everything the next steps depend on, in a file, and back. Errors: kIo, kCorrupt.
  Status Save(const std::string& path);
  Status Load(const std::string& path);

 private:
  // What block `i` runs with, until another block is asked for.
  const FloatLayer& Weights(size_t i);
  Result<Matrix> TeacherOutput(const std::vector<std::span<const int32_t>>& sequences);
  // A step of `rate`, relative to the mean magnitude of `values`.
  void Move(std::vector<float>& values, const std::vector<float>& gradient, float rate, Adam& adam);
  std::vector<std::vector<float>*> State();

  reference::FloatWeights& teacher_;
  Student& student_;
  TuneOptions options_;
  ThreadPool& pool_;
  Block teacher_block_;
  BlockStack student_stack_;
  Adam final_norm_adam_;
  Adam head_adam_;
  size_t open_ = 0;            // the block that is open
  std::vector<float> losses_;  // [n_steps]
  int64_t step_ = 0;
};

}  // namespace accllm::tune
