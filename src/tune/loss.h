// What a model's output is measured by, and its gradient.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tune/ops.h"

namespace accllm::tune {

// A mean over tokens, in nats, and its gradient with respect to the input of the output head.
struct HeadLoss {
  double loss = 0;
  Matrix dx;  // [n_tokens, hidden]
};

// The output head of a model: x [n_tokens, hidden] after the final norm, weights [vocab, hidden].
struct Head {
  const Matrix& x;
  const std::vector<float>& weights;
};

// KL divergence of the student's distributions from the teacher's. Logits are made and dropped some
// hundred tokens at a time. Adds the gradient with respect to the student's weights to `dweights`.
HeadLoss Divergence(const Head& student, const Head& teacher, std::vector<float>& dweights,
                    ThreadPool& pool);

// Negative log-likelihood of `targets`, one token id a row of head.x; rows with target kNoTarget do
// not count. Adds the gradient with respect to the head's weights to `dweights`.
inline constexpr int32_t kNoTarget = -1;
HeadLoss CrossEntropy(const Head& head, std::span<const int32_t> targets,
                      std::vector<float>& dweights, ThreadPool& pool);

// Gradient, with respect to head.x, of the log-probabilities of tokens drawn from the head's own
// distributions, one a row. Its second moment is the Fisher information of x: half of that, over a
// small change of x, is the KL divergence it causes. The same `seed` draws the same tokens.
Matrix SampledScore(const Head& head, uint64_t seed, ThreadPool& pool);

// A residual stream ([n_tokens, hidden]) and what makes a model's predictions of it.
struct ModelEnd {
  const Matrix& stream;
  const std::vector<float>& final_norm;
  const std::vector<float>& lm_head;
  float eps = 0;
};

// SampledScore through the final norm: the gradient with respect to the stream.
Matrix SampledStreamScore(const ModelEnd& end, uint64_t seed, ThreadPool& pool);

}  // namespace accllm::tune
