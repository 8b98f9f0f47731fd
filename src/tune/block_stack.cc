#include "tune/block_stack.h"

#include <utility>

namespace accllm::tune {
namespace {

constexpr int64_t kTapeBytes = int64_t{2} << 30;

int64_t TapeBytes(const ModelConfig& config, int64_t n_tokens) {
  const int64_t floats = 5 * config.hidden_size + 3 * config.q_size() + 3 * config.kv_size() +
                         3 * config.intermediate_size;
  return n_tokens * floats * static_cast<int64_t>(sizeof(float));
}

}  // namespace

BlockStack::BlockStack(const ModelConfig& config, int64_t n_blocks, int64_t sequence_tokens,
                       int64_t max_tokens, reference::SimulatedPrecision precision)
    : block_(config, sequence_tokens, precision),
      keeps_tapes_(n_blocks * TapeBytes(config, max_tokens) <= kTapeBytes),
      tapes_(static_cast<size_t>(n_blocks)) {}

const Matrix& BlockStack::Forward(Matrix x, const WeightsOf& weights, ThreadPool& pool) {
  streams_.clear();
  streams_.push_back(std::move(x));
  for (size_t i = 0; i < tapes_.size(); ++i) {
    streams_.push_back(
        block_.Forward(streams_.back(), weights(i), keeps_tapes_ ? &tapes_[i] : nullptr, pool));
  }
  return streams_.back();
}

Matrix BlockStack::Backward(Matrix dy, const WeightsOf& weights, const TakeGradient& take,
                            ThreadPool& pool) {
  for (size_t i = tapes_.size(); i-- > 0;) {
    if (!keeps_tapes_) block_.Forward(streams_[i], weights(i), &tapes_[i], pool);
    FloatLayer dw = ZerosLike(weights(i));
    dy = block_.Backward(dy, weights(i), tapes_[i], dw, pool);
    tapes_[i] = {};
    take(i, dw);
  }
  return dy;
}

}  // namespace accllm::tune
