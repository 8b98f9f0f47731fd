// Gradient descent that may be interrupted and gone on with.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <span>
#include <string>

#include "base/result.h"
#include "compress/compress.h"

namespace accllm {

// Called after every step with its number, from 1, and its loss. false stops.
using StepCallback = std::function<bool(int64_t step, double loss)>;

struct Descent {
  int64_t n_steps = 0;
  std::string state_path;  // where interrupted work is kept
  std::string work;        // what error messages call it: "tuning a block"
};

// Takes steps of `learner` (tune::BlockTuner, tune::Distiller) by `step` until there are n_steps.
// What an interruption left at state_path is gone on from. Errors: kInterrupted; those of `step`,
// of reading and of writing.
template <class Learner, class Step>
Status Descend(const Descent& descent, Learner& learner, const Step& step,
               const StepCallback& after_step) {
  constexpr int64_t kSaveSteps = 50;  // between two copies of the state on disk
  if (std::filesystem::exists(descent.state_path)) {
    ACCLLM_RETURN_IF_ERROR(learner.Load(descent.state_path));
  }
  while (learner.step() < descent.n_steps) {
    ACCLLM_ASSIGN_OR_RETURN(const double loss, step());
    const bool goes_on = after_step(learner.step(), loss);
    // The last state too: tensors in the file may be about to be replaced by what it stands for.
    if (!goes_on || learner.step() % kSaveSteps == 0 || learner.step() == descent.n_steps) {
      ACCLLM_RETURN_IF_ERROR(learner.Save(descent.state_path));
    }
    if (!goes_on) {
      return Fail(ErrorCode::kInterrupted, "stopped while " + descent.work, "go on with --resume");
    }
  }
  return {};
}

// Means over the first and the last tenth of all steps' losses.
inline TuneReport ReportOf(std::span<const float> losses) {
  if (losses.empty()) return {};
  const size_t n = std::max<size_t>(1, losses.size() / 10);
  const auto mean = [n](std::span<const float> some) {
    return std::accumulate(some.begin(), some.end(), 0.0) / static_cast<double>(n);
  };
  return {mean(losses.first(n)), mean(losses.last(n))};
}

}  // namespace accllm
