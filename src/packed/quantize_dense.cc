// Rounding to nearest for the dense types.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/block_codec.h"
#include "base/index.h"
#include "packed/quantized_matrix.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

using format::TensorType;

// Steps to try for a group of few levels, as shares of the one that covers its largest weight.
constexpr auto kStepShares =
    std::to_array<float>({0.24F, 0.28F, 0.32F, 0.36F, 0.40F, 0.44F, 0.48F, 0.52F, 0.56F, 0.60F,
                          0.65F, 0.70F, 0.75F, 0.80F, 0.86F, 0.92F, 1.00F, 1.08F});

float LargestMagnitude(std::span<const float> w) {
  float largest = 0;
  for (const float value : w) largest = std::max(largest, std::abs(value));
  return largest;
}

// The level of the type that is nearest to x.
float NearestLevel(const DenseLevels& levels, float x) {
  const auto limit = static_cast<float>(levels.max);
  const float inside = std::clamp(x, -limit, limit);
  if (!levels.odd_only) return std::nearbyint(inside);
  return std::min(limit, 2 * std::floor(inside / 2) + 1);
}

// Step 0 stands for zeros.
double SquaredError(const DenseLevels& levels, std::span<const float> w, float step) {
  double sum = 0;
  for (const float value : w) {
    const float rounded = step > 0 ? step * NearestLevel(levels, value / step) : 0.0F;
    const auto error = static_cast<double>(value - rounded);
    sum += error * error;
  }
  return sum;
}

// The step of least squared error for one group; 0 for a group of zeros.
float BestStep(const DenseLevels& levels, std::span<const float> w) {
  const float covering = LargestMagnitude(w) / static_cast<float>(levels.max);
  if (covering < 1e-37F) return 0;
  float best = covering;
  double least = SquaredError(levels, w, covering);
  for (const float share : kStepShares) {
    // For the levels that this step gives, the best step is a projection.
    double product = 0;
    double square = 0;
    for (const float value : w) {
      const auto level = static_cast<double>(NearestLevel(levels, value / (share * covering)));
      product += level * static_cast<double>(value);
      square += level * level;
    }
    const float step = static_cast<float>(product / std::max(square, 1.0));
    if (step < 1e-37F) continue;
    const double error = SquaredError(levels, w, step);
    if (error < least) {
      least = error;
      best = step;
    }
  }
  return best;
}

// One row being rounded.
struct Row {
  std::span<const float> w;  // [cols]
  int64_t index = 0;

  int64_t n_groups() const {
    return (std::ssize(w) + format::kGroupWeights - 1) / format::kGroupWeights;
  }
  std::span<const float> group(int64_t g) const {
    const int64_t begin = g * format::kGroupWeights;
    const int64_t n = std::min(format::kGroupWeights, std::ssize(w) - begin);
    return w.subspan(Index(begin), Index(n));
  }
};

void StoreGroup(const Row& row, int64_t group, float multiplier, QuantizedMatrix& m) {
  const DenseLevels levels = DenseLevelsOf(m.type);
  const float step = m.row_scales[Index(row.index)] * multiplier;
  m.multipliers[Index(row.index * m.n_groups() + group)] = static_cast<uint8_t>(multiplier);
  int8_t* out = m.levels.data() + row.index * m.level_cols() + group * format::kGroupWeights;
  for (const float value : row.group(group)) {
    *out++ = static_cast<int8_t>(NearestLevel(levels, value / step));
  }
}

// Many levels: the smallest multiplier that covers the group's largest weight.
void RoundByCover(const Row& row, float multiplier_max, QuantizedMatrix& m) {
  const auto level_max = static_cast<float>(DenseLevelsOf(m.type).max);
  const float scale = CoveringRowScale(LargestMagnitude(row.w) / (level_max * multiplier_max));
  m.row_scales[Index(row.index)] = scale;
  if (scale == 0) return;
  for (int64_t group = 0; group < row.n_groups(); ++group) {
    const float wanted = std::ceil(LargestMagnitude(row.group(group)) / (level_max * scale));
    StoreGroup(row, group, std::clamp(wanted, 1.0F, multiplier_max), m);
  }
}

// Few levels: each group's best step, rounded to a multiple of the row's scale. A group far smaller
// than the others is best as zeros.
void RoundByError(const Row& row, float multiplier_max, QuantizedMatrix& m) {
  const DenseLevels levels = DenseLevelsOf(m.type);
  std::vector<float> steps;
  for (int64_t group = 0; group < row.n_groups(); ++group) {
    steps.push_back(BestStep(levels, row.group(group)));
  }
  const float scale =
      CoveringRowScale(*std::max_element(steps.begin(), steps.end()) / multiplier_max);
  m.row_scales[Index(row.index)] = scale;
  if (scale == 0) return;
  for (int64_t group = 0; group < row.n_groups(); ++group) {
    const float below = std::min(std::floor(steps[Index(group)] / scale), multiplier_max);
    const float above = std::min(below + 1, multiplier_max);
    const bool is_below = SquaredError(levels, row.group(group), scale * below) <=
                          SquaredError(levels, row.group(group), scale * above);
    const float multiplier = is_below ? below : above;
    if (multiplier > 0) StoreGroup(row, group, multiplier, m);
  }
}

}  // namespace

Result<QuantizedMatrix> QuantizeDense(TensorType type, int64_t rows, int64_t cols,
                                      std::span<const float> weights) {
  ACCLLM_RETURN_IF_ERROR(LayOutTensor(type, rows, cols));
  const auto multiplier_max = static_cast<float>(MaxMultiplier(type, cols));
  QuantizedMatrix m = EmptyMatrix(type, rows, cols);
  for (int64_t row = 0; row < rows; ++row) {
    const Row w = {weights.subspan(Index(row * cols), Index(cols)), row};
    const auto bad =
        std::find_if_not(w.w.begin(), w.w.end(), [](float value) { return std::isfinite(value); });
    if (bad != w.w.end()) {
      return Fail(ErrorCode::kNumeric,
                  fmt::format("weight [{}, {}] is not finite", row, bad - w.w.begin()));
    }
    if (DenseLevelsOf(type).odd_only) {
      RoundByError(w, multiplier_max, m);
    } else {
      RoundByCover(w, multiplier_max, m);
    }
  }
  return m;
}

}  // namespace accllm
