// The code of every RowKernels table, written once over vectors of 16 rows. A .cc file per
// instruction set defines ACCLLM_ROW_KERNELS (the name of its namespace) and includes this. Nothing
// here may call an inline function of another header: the linker could keep the copy that was
// compiled for another CPU.
#include "compress/row_kernels.h"

namespace accllm::ACCLLM_ROW_KERNELS {
namespace {

#define ACCLLM_INLINE inline __attribute__((always_inline))

constexpr int64_t kLanes = 16;
constexpr int64_t kFour = 4;  // columns of one 2:4 group
typedef float VecF __attribute__((vector_size(4 * kLanes)));
typedef int32_t VecI __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedVecF __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

ACCLLM_INLINE VecF Load(const float* p) { return *reinterpret_cast<const UnalignedVecF*>(p); }
ACCLLM_INLINE void Store(float* p, VecF v) { *reinterpret_cast<UnalignedVecF*>(p) = v; }
ACCLLM_INLINE VecF Splat(float x) { return VecF{} + x; }
ACCLLM_INLINE VecF Abs(VecF v) { return (VecF)((VecI)v & 0x7FFFFFFF); }
ACCLLM_INLINE VecF Min(VecF a, VecF b) { return a < b ? a : b; }
ACCLLM_INLINE VecF Max(VecF a, VecF b) { return a > b ? a : b; }
ACCLLM_INLINE VecF WithSignOf(VecF magnitude, VecF sign) {
  return (VecF)((VecI)magnitude | ((VecI)sign & INT32_MIN));
}
// Nearest integer, halves away from zero; |v| < 2^31.
ACCLLM_INLINE VecF Round(VecF v) {
  const VecF magnitude =
      __builtin_convertvector(__builtin_convertvector(Abs(v) + 0.5F, VecI), VecF);
  return WithSignOf(magnitude, v);
}

// c[kCols][32] -= a[n_i, kCols]^T y[n_i][32], accumulators in registers.
template <int kCols>
ACCLLM_INLINE void SubtractTile(const float* a, int64_t stride, int64_t n_i, const float* y,
                                float* c) {
  VecF sum[kCols][2];
  for (int j = 0; j < kCols; ++j) {
    sum[j][0] = Load(c + j * kChunkRows);
    sum[j][1] = Load(c + j * kChunkRows + kLanes);
  }
  for (int64_t i = 0; i < n_i; ++i) {
    const VecF y0 = Load(y + i * kChunkRows);
    const VecF y1 = Load(y + i * kChunkRows + kLanes);
    for (int j = 0; j < kCols; ++j) {
      const float factor = a[i * stride + j];
      sum[j][0] -= y0 * factor;
      sum[j][1] -= y1 * factor;
    }
  }
  for (int j = 0; j < kCols; ++j) {
    Store(c + j * kChunkRows, sum[j][0]);
    Store(c + j * kChunkRows + kLanes, sum[j][1]);
  }
}

void SubtractProduct(const float* a, int64_t stride, int64_t n_i, int64_t n_j, const float* y,
                     float* c) {
  constexpr int64_t kDepth = 256;  // rows of y that stay in the second-level cache
  constexpr int kCols = 4;
  for (int64_t i = 0; i < n_i; i += kDepth) {
    const int64_t depth = n_i - i < kDepth ? n_i - i : kDepth;
    for (int64_t half = 0; half < kChunkRows; half += 2 * kLanes) {
      const float* y_half = y + i * kChunkRows + half;
      int64_t j = 0;
      for (; j + kCols <= n_j; j += kCols) {
        SubtractTile<kCols>(a + i * stride + j, stride, depth, y_half, c + j * kChunkRows + half);
      }
      for (; j < n_j; ++j) {
        SubtractTile<1>(a + i * stride + j, stride, depth, y_half, c + j * kChunkRows + half);
      }
    }
  }
}

// The 2:4 code l of the least l^T M l - 2 h^T l, h in units of the scale. For each pattern and
// first level the second level follows: only its magnitude has to be compared.
ACCLLM_INLINE void ChooseCode(const float m[4][4], const VecF h[4], VecF level[4]) {
  VecF best = Splat(3e38F);
  VecF first = VecF{};
  VecF second_slope = VecF{};  // half the negative slope in the second level
  VecI pattern = VecI{};
  for (int32_t p = 0; p < 6; ++p) {
    const int i = format::kPatterns[p][0];
    const int j = format::kPatterns[p][1];
    for (int32_t k = 0; k < 4; ++k) {
      const auto a = static_cast<float>(format::kLevels[k]);
      const VecF slope = h[j] - a * m[i][j];
      const VecF size = Abs(slope);
      const VecF tail = Min(m[j][j] - 2.0F * size, 4.0F * m[j][j] - 4.0F * size);
      const VecF cost = (a * m[i][i] - 2.0F * h[i]) * a + tail;
      const VecI better = cost < best;
      best = better ? cost : best;
      first = better ? Splat(a) : first;
      second_slope = better ? slope : second_slope;
      pattern = better ? VecI{} + p : pattern;
    }
  }
  for (int j = 0; j < kFour; ++j) level[j] = VecF{};
  for (int32_t p = 0; p < 6; ++p) {
    const int i = format::kPatterns[p][0];
    const int j = format::kPatterns[p][1];
    const VecI chosen = pattern == p;
    const VecF size = Abs(second_slope) > 1.5F * m[j][j] ? Splat(2.0F) : Splat(1.0F);
    level[i] = chosen ? first : level[i];
    level[j] = chosen ? WithSignOf(size, second_slope) : level[j];
  }
}

// Mean over the group of the two largest magnitudes of each four weights.
ACCLLM_INLINE VecF MeanOfSurvivors(const VecF w[kGroupCols]) {
  VecF sum = VecF{};
  for (int64_t k = 0; k < kGroupCols; k += kFour) {
    const VecF a = Max(Abs(w[k]), Abs(w[k + 1]));
    const VecF b = Min(Abs(w[k]), Abs(w[k + 1]));
    const VecF c = Max(Abs(w[k + 2]), Abs(w[k + 3]));
    const VecF d = Min(Abs(w[k + 2]), Abs(w[k + 3]));
    sum += Max(a, c) + Max(Min(a, c), Max(b, d));
  }
  return sum / (static_cast<float>(kGroupCols) / 2);
}

ACCLLM_INLINE VecF LargestMagnitude(const VecF w[kGroupCols]) {
  VecF largest = VecF{};
  for (int64_t k = 0; k < kGroupCols; ++k) largest = Max(largest, Abs(w[k]));
  return largest;
}

// Quantises columns k .. k + 3 of w, writes their levels and errors, returns their cost, and pushes
// the errors onto the group's later columns.
template <int kDenseMax>
ACCLLM_INLINE VecF QuantizeFour(const ObsGroup& group, int64_t k, VecF scale, VecF inverse_scale,
                                VecF w[kGroupCols], VecF levels[kGroupCols],
                                VecF errors[kGroupCols]) {
  if (kDenseMax == 0) {
    const float(*m)[4] = group.metric[k / kFour];
    VecF h[4];
    for (int i = 0; i < kFour; ++i) {
      h[i] = (m[i][0] * w[k] + m[i][1] * w[k + 1] + m[i][2] * w[k + 2] + m[i][3] * w[k + 3]) *
             inverse_scale;
    }
    ChooseCode(m, h, levels + k);
  }
  VecF cost = VecF{};
  for (int64_t i = k; i < k + kFour; ++i) {
    if (kDenseMax != 0) {
      const VecF limit = Splat(static_cast<float>(kDenseMax));
      levels[i] = Round(Max(-limit, Min(limit, w[i] * inverse_scale)));
    }
    errors[i] = (w[i] - scale * levels[i]) * group.inverse_diagonal[i];
    cost += errors[i] * errors[i];
    for (int64_t j = i + 1; j < k + kFour; ++j) w[j] -= errors[i] * group.upper[i][j];
  }
  for (int64_t j = k + kFour; j < kGroupCols; ++j) {
    VecF sum = w[j];
    for (int64_t i = k; i < k + kFour; ++i) sum -= errors[i] * group.upper[i][j];
    w[j] = sum;
  }
  return cost;
}

// 1 / scale, and something finite for a scale of zero.
ACCLLM_INLINE VecF InverseOf(VecF scale) { return 1.0F / Max(scale, Splat(1e-37F)); }

template <int kDenseMax>
void SearchGroup(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows) {
  for (int64_t lane = 0; lane < kChunkRows; lane += kLanes) {
    VecF w[kGroupCols];
    VecF work[kGroupCols];
    VecF levels[kGroupCols];
    VecF errors[kGroupCols];
    for (int64_t k = 0; k < kGroupCols; ++k) w[k] = Load(rows.weights + k * kChunkRows + lane);
    const VecF row_scale = Load(rows.row_scales + lane);
    const VecF estimate =
        kDenseMax == 0 ? MeanOfSurvivors(w)
                       : LargestMagnitude(w) / static_cast<float>(kDenseMax == 0 ? 1 : kDenseMax);
    const VecF ratio = estimate * InverseOf(row_scale);
    const VecF least = ratio > 0.0F ? Splat(1.0F) : VecF{};
    const VecF most = ratio > 0.0F ? Splat(search.max_multiplier) : VecF{};
    VecF best = Splat(3e38F);
    for (int64_t c = 0; c < search.n_factors; ++c) {
      const VecF wanted = Min(ratio * search.factors[c], most);
      const VecF multiplier = Max(least, Round(wanted));
      const VecF scale = row_scale * multiplier;
      const VecF inverse_scale = InverseOf(scale);
      VecF cost = VecF{};
      for (int64_t k = 0; k < kGroupCols; ++k) work[k] = w[k];
      for (int64_t k = 0; k < kGroupCols; k += kFour) {
        cost += QuantizeFour<kDenseMax>(group, k, scale, inverse_scale, work, levels, errors);
      }
      const VecI better = cost < best;
      best = better ? cost : best;
      float* out = rows.multipliers + lane;
      Store(out, better ? multiplier : Load(out));
      for (int64_t k = 0; k < kGroupCols; ++k) {
        float* level = rows.levels + k * kChunkRows + lane;
        float* error = rows.errors + k * kChunkRows + lane;
        Store(level, better ? levels[k] : Load(level));
        Store(error, better ? errors[k] : Load(error));
      }
    }
  }
}

// gradient[j] -= sum over k in [first, last) of h[k][j] change[k].
ACCLLM_INLINE void Descend(const float* h, int64_t first, int64_t last,
                           const VecF change[kGroupCols], VecF gradient[kGroupCols]) {
  for (int64_t j = 0; j < kGroupCols; ++j) {
    VecF sum = gradient[j];
    for (int64_t k = first; k < last; ++k) sum -= change[k] * h[k * kGroupCols + j];
    gradient[j] = sum;
  }
}

// One pass of coordinate descent over the group's fours at one scale. Adds what it changes to
// `change` and returns by how much it moved the cost (negative: better).
ACCLLM_INLINE VecF DescendCodes(const float* h, VecF scale, VecF levels[kGroupCols],
                                VecF gradient[kGroupCols], VecF change[kGroupCols]) {
  const VecF inverse_scale = InverseOf(scale);
  VecF gain = VecF{};
  for (int64_t b = 0; b < kGroupCols; b += kFour) {
    float m[4][4];
    VecF target[4];
    VecF level[4];
    VecF step[kGroupCols];
    for (int i = 0; i < kFour; ++i) {
      target[i] = gradient[b + i] * inverse_scale;
      for (int j = 0; j < kFour; ++j) {
        m[i][j] = h[(b + i) * kGroupCols + b + j];
        target[i] += m[i][j] * levels[b + j];
      }
    }
    ChooseCode(m, target, level);
    for (int i = 0; i < kFour; ++i) {
      step[b + i] = scale * (level[i] - levels[b + i]);
      levels[b + i] = level[i];
      change[b + i] += step[b + i];
      gain -= step[b + i] * gradient[b + i];
    }
    Descend(h, b, b + kFour, step, gradient);
    for (int i = 0; i < kFour; ++i) gain -= step[b + i] * gradient[b + i];
  }
  return gain;
}

void RefineGroup(const float* h, const MultiplierSearch& search, RefineGroupRows& rows) {
  for (int64_t lane = 0; lane < kChunkRows; lane += kLanes) {
    VecF old_levels[kGroupCols];
    VecF levels[kGroupCols];
    VecF gradient[kGroupCols];
    VecF change[kGroupCols];
    for (int64_t k = 0; k < kGroupCols; ++k) {
      old_levels[k] = Load(rows.levels + k * kChunkRows + lane);
      Store(rows.change + k * kChunkRows + lane, VecF{});
    }
    const VecF row_scale = Load(rows.row_scales + lane);
    const VecF old_multiplier = Load(rows.multipliers + lane);
    VecF best = VecF{};
    for (int64_t c = 0; c < search.n_factors; ++c) {
      const VecF wanted = Min(old_multiplier * search.factors[c], Splat(search.max_multiplier));
      const VecF multiplier = Max(Round(wanted), Splat(1.0F));
      const VecF growth = row_scale * (multiplier - old_multiplier);
      VecF gain = VecF{};
      for (int64_t k = 0; k < kGroupCols; ++k) {
        levels[k] = old_levels[k];
        change[k] = growth * levels[k];
        gradient[k] = Load(rows.gradient + k * kChunkRows + lane);
        gain -= change[k] * gradient[k];
      }
      Descend(h, 0, kGroupCols, change, gradient);
      for (int64_t k = 0; k < kGroupCols; ++k) gain -= change[k] * gradient[k];
      gain += DescendCodes(h, row_scale * multiplier, levels, gradient, change);
      const VecI better = (gain < best) & (old_multiplier > 0.0F);
      best = better ? gain : best;
      float* out = rows.multipliers + lane;
      Store(out, better ? multiplier : Load(out));
      for (int64_t k = 0; k < kGroupCols; ++k) {
        float* level = rows.levels + k * kChunkRows + lane;
        float* total = rows.change + k * kChunkRows + lane;
        Store(level, better ? levels[k] : Load(level));
        Store(total, better ? change[k] : Load(total));
      }
    }
  }
}

}  // namespace

constexpr RowKernels kTable = {SubtractProduct, SearchGroup<0>, SearchGroup<format::kW4Max>,
                               SearchGroup<format::kW8Max>, RefineGroup};

}  // namespace accllm::ACCLLM_ROW_KERNELS
