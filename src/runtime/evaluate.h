// How well a model predicts a text: perplexity, and KL divergence against another model.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/language_model.h"
#include "base/thread_pool.h"

namespace accllm {

// Called now and then with the number of tokens done; returns false to stop (kInterrupted).
using EvalProgress = std::function<bool(int64_t tokens_done)>;

struct EvalOptions {
  // Windows of this many tokens without overlap, each from an empty cache and predicting all its
  // tokens but the first; a last part shorter than a window is left out. 0: one endless stream.
  int64_t window_tokens = 0;
  // Stream only: positions per tenth of the text whose prediction is also recomputed from nothing
  // but the tokens they see (sinks and window), with an empty cache; 0: none.
  int64_t recompute_samples = 0;
  int64_t n_sinks = 0;  // for recompute_samples
  int64_t window = 0;   // for recompute_samples
};

// A tenth of a stream.
struct EvalSegment {
  int64_t predictions = 0;
  double mean_nll = 0;
  double seconds = 0;
  int64_t resident_bytes = 0;  // at its end
  // Over the sampled positions of this tenth; 0 samples if not asked for.
  int64_t samples = 0;
  double sampled_nll = 0;     // mean, from the stream
  double recomputed_nll = 0;  // mean, recomputed
};

struct EvalResult {
  int64_t predictions = 0;
  double mean_nll = 0;  // nats a predicted token
  double seconds = 0;   // of the model itself, without the one it is compared with
  // Against the other model, if one is given: means over the same predictions.
  double kl = 0;                    // KL(other || model), nats
  double top1_agreement = 0;        // share of positions where both have the same argmax
  std::vector<EvalSegment> tenths;  // stream only

  double perplexity() const;
};

// `against` may be null; both models are Reset first. With recompute_samples, `fresh` must be
// another instance of the model. `pool` shares the work on the logits. Errors: kInvalidArgument
// (text shorter than a window), those of the models, kInterrupted.
Result<EvalResult> Evaluate(LanguageModel& model, LanguageModel* against, LanguageModel* fresh,
                            std::span<const int32_t> tokens, const EvalOptions& options,
                            ThreadPool& pool, const EvalProgress& progress);

}  // namespace accllm
