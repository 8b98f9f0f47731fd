#include "tune/trainable_low_rank.h"

#include <utility>

#include "base/index.h"
#include "linalg/linalg.h"
#include "tune/mean_magnitude.h"

namespace accllm::tune {

TrainableInt8::TrainableInt8(Int8Matrix start)
    : quantized_(std::move(start)),
      mean_level_(MeanMagnitude(quantized_.levels)),
      units_(quantized_.row_scales),
      latent_(quantized_.levels.begin(), quantized_.levels.end()),
      adam_(latent_.size()) {}

// Multiplies each row by its unit.
void TrainableInt8::Scale(std::span<float> rows) const {
  for (size_t i = 0; i < rows.size(); ++i) rows[i] *= units_[i / Index(quantized_.cols)];
}

void TrainableInt8::Step(std::span<const float> dw, float rate, int64_t step, ThreadPool& pool) {
  std::vector<float> gradient(dw.begin(), dw.end());
  Scale(gradient);
  adam_.Step(gradient, rate * mean_level_, step, latent_, pool);
  Round();
}

std::vector<std::vector<float>*> TrainableInt8::State() {
  return {&units_, &latent_, &adam_.mean(), &adam_.variance()};
}

void TrainableInt8::Round() {
  std::vector<float> values = latent_;
  Scale(values);
  // What is not finite keeps its last rounding: the loss is not finite then either, and noticed.
  auto rounded = RoundToInt8(quantized_.rows, quantized_.cols, values, units_);
  if (rounded) quantized_ = std::move(*rounded);
}

TrainableLowRank::TrainableLowRank(const LowRank& start) : a_(start.a), b_(start.b) {}

void TrainableLowRank::AddTo(std::span<float> w, ThreadPool& pool) const {
  const LowRankValues values = Dequantize(quantized());
  pool.ParallelFor(values.rows,
                   [&](int64_t begin, int64_t end, int) { values.AddTo(begin, end, w); });
}

void TrainableLowRank::Step(std::span<const float> dw, const LearningRates& rates, int64_t step,
                            ThreadPool& pool) {
  const LowRankValues now = Dequantize(quantized());
  // dA = B^T dW and dB^T = A dW^T.
  std::vector<float> da(now.a.size());
  std::vector<float> db(now.b.size());
  Multiply(now.b, dw, now.rank, now.rows, now.cols, da, pool);
  MultiplyTransposed(now.a, dw, now.rank, now.cols, now.rows, db, pool);
  a_.Step(da, rates.levels, step, pool);
  b_.Step(db, rates.levels, step, pool);
}

std::vector<std::vector<float>*> TrainableLowRank::State() {
  std::vector<std::vector<float>*> arrays = a_.State();
  const auto more = b_.State();
  arrays.insert(arrays.end(), more.begin(), more.end());
  return arrays;
}

void TrainableLowRank::Round() {
  a_.Round();
  b_.Round();
}

}  // namespace accllm::tune
