#include "tune/trainable_scales.h"

#include <algorithm>
#include <cmath>

#include "base/block_codec.h"
#include "base/index.h"

namespace accllm::tune {
namespace {

template <class T>
std::vector<float> Logarithms(const std::vector<T>& values) {
  std::vector<float> logs(values.size());
  std::transform(values.begin(), values.end(), logs.begin(),
                 [](T value) { return std::log(static_cast<float>(value)); });
  return logs;
}

}  // namespace

TrainableScales::TrainableScales(const QuantizedMatrix& start)
    : max_multiplier_(MaxMultiplier(start.type, start.cols)),
      log_multipliers_(Logarithms(start.multipliers)),
      log_row_scales_(Logarithms(start.row_scales)),
      multiplier_adam_(log_multipliers_.size()),
      row_scale_adam_(log_row_scales_.size()) {}

void TrainableScales::Step(std::span<const float> dw, float rate, int64_t step,
                           const QuantizedMatrix& matrix, ThreadPool& pool) {
  const QuantizedMatrix& q = matrix;
  std::vector<float> d_multipliers(log_multipliers_.size(), 0.0F);
  std::vector<float> d_row_scales(log_row_scales_.size(), 0.0F);
  pool.ParallelFor(q.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t g = 0; g < q.n_groups(); ++g) {
        const size_t group = Index(r * q.n_groups() + g);
        const float unit = static_cast<float>(q.multipliers[group]) * q.row_scales[Index(r)];
        const int64_t first = g * format::kGroupWeights;
        for (int64_t c = first; c < std::min(q.cols, first + format::kGroupWeights); ++c) {
          d_multipliers[group] += dw[Index(r * q.cols + c)] * unit *
                                  static_cast<float>(q.levels[Index(r * q.level_cols() + c)]);
        }
        d_row_scales[Index(r)] += d_multipliers[group];
      }
    }
  });
  multiplier_adam_.Step(d_multipliers, rate, step, log_multipliers_, pool);
  row_scale_adam_.Step(d_row_scales, rate, step, log_row_scales_, pool);
}

void TrainableScales::RoundRow(QuantizedMatrix& matrix, int64_t row) const {
  for (int64_t g = 0; g < matrix.n_groups(); ++g) {
    const size_t at = Index(row * matrix.n_groups() + g);
    if (matrix.multipliers[at] == 0) continue;
    const float value = std::nearbyint(std::exp(log_multipliers_[at]));
    matrix.multipliers[at] =
        static_cast<uint8_t>(std::clamp(value, 1.0F, static_cast<float>(max_multiplier_)));
  }
  matrix.row_scales[Index(row)] = NearestRowScale(std::exp(log_row_scales_[Index(row)]));
}

std::vector<std::vector<float>*> TrainableScales::State() {
  return {&log_multipliers_,        &log_row_scales_,
          &multiplier_adam_.mean(), &multiplier_adam_.variance(),
          &row_scale_adam_.mean(),  &row_scale_adam_.variance()};
}

}  // namespace accllm::tune
