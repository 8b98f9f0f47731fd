// Chooses the next token from logits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace accllm {

struct SamplerOptions {
  float temperature = 0.0F;  // 0: greedy, the first of equal maxima
  int64_t top_k = 0;         // keep the k most likely; 0: all
  float top_p = 1.0F;        // keep the smallest set with this probability (nucleus)
  float min_p = 0.0F;        // drop what is less likely than min_p times the most likely
  float repetition_penalty =
      1.0F;  // CTRL: divides positive, multiplies negative logits of seen tokens
  float presence_penalty = 0.0F;   // subtracted once from the logit of a seen token
  float frequency_penalty = 0.0F;  // subtracted as often as the token was seen
  int64_t penalty_last_n = 256;    // tokens that count as seen
  uint64_t seed = 0;
};

// Errors: kInvalidArgument naming the option.
Status CheckSamplerOptions(const SamplerOptions& options);

// Filters run in the order penalties, temperature, top-k, top-p, min-p. The same seed, options and
// logits give the same tokens on every machine.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);

  // The next token; logits: [vocab_size]. Does not remember it: see Accept.
  int32_t Sample(std::span<const float> logits);

  // Tells the sampler of a token of the text, from the prompt or sampled, for the penalties.
  void Accept(int32_t token);

 private:
  struct Candidate {
    int32_t token;
    float logit;
    double probability;  // relative to the likeliest
  };

  static bool IsLikelier(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  }

  void ApplyPenalties();
  void FindCandidates();
  void SortNextBin();
  const Candidate& TakeNext();
  double TakeLikely();
  double NextUniform();

  SamplerOptions options_;
  std::vector<float> logits_;  // [vocab_size] with penalties
  // Few of a large vocabulary are ever looked at, so candidates are dealt into bins by their
  // logits, likelier bins first, and a bin is sorted when the first of it is wanted.
  static constexpr size_t kBins = 512;
  std::vector<uint16_t> bins_;  // [vocab_size]
  std::array<size_t, kBins> bin_ends_ = {};
  std::vector<Candidate> candidates_;
  size_t next_bin_ = 0;  // the first that is not sorted
  size_t n_sorted_ = 0;
  size_t n_taken_ = 0;
  std::vector<int32_t> seen_;  // the last penalty_last_n tokens, a ring
  size_t next_seen_ = 0;
  uint64_t random_state_;
};

}  // namespace accllm
