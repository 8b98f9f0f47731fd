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
// hundred tokens at a time.
HeadLoss Divergence(const Head& student, const Head& teacher, ThreadPool& pool);

// For each token the gradient, with respect to its row of head.x, of the negative log-likelihood of
// one token drawn from the head's own distribution: rows g whose mean of g g^T is the Fisher
// information.
Matrix SampledGradients(const Head& head, ThreadPool& pool);

// Negative log-likelihood of `targets`, one token id a row of head.x; rows with target kNoTarget do
// not count. Adds the gradient with respect to the head's weights to `dweights`.
inline constexpr int32_t kNoTarget = -1;
HeadLoss CrossEntropy(const Head& head, std::span<const int32_t> targets,
                      std::vector<float>& dweights, ThreadPool& pool);

}  // namespace accllm::tune
