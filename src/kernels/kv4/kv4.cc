#include "kernels/kv4/kv4.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/fp16.h"
#include "kernels/quantize/round_to_even.h"

namespace accllm::kernels {
namespace {

constexpr uint16_t kNanHalf = 0x7E00;
constexpr float kLargestHalf = 65504.0F;
constexpr float kSteps = 15.0F;  // between the outer codes
constexpr float kMaxMultiplier = 15.0F;

using Group = std::array<float, kKvGroup>;

struct Range {
  float lo = 0.0F;
  float hi = 0.0F;
};

struct Codes {
  uint8_t group = 0;
  std::array<uint8_t, kKvGroup> codes = {};
  float squared_error = 0.0F;
};

Group LoadGroup(const float* x, int64_t head_dim, int64_t first) {
  Group group = {};
  std::copy(x + std::min(first, head_dim), x + std::min(first + kKvGroup, head_dim), group.begin());
  return group;
}

Range RangeOf(const Group& x) {
  Range range;
  for (const float v : x) {
    range.lo = std::min(range.lo, v);
    range.hi = std::max(range.hi, v);
  }
  return range;
}

float SumInTree(std::array<float, 16> lanes) {
  for (size_t apart = 8; apart > 0; apart /= 2) {
    for (size_t i = 0; i < apart; ++i) lanes[i] += lanes[i + apart];
  }
  return lanes[0];
}

Codes Quantize(const Group& x, const Range& range, float scale, float multiplier) {
  const float step = scale * multiplier;
  const float inverse = 1.0F / step;
  const float middle = (range.hi + range.lo) * 0.5F;
  const float zero = std::clamp(RoundToEven(7.5F - middle * inverse), 0.0F, kSteps);
  Codes out;
  out.group =
      static_cast<uint8_t>(static_cast<unsigned>(multiplier) | (static_cast<unsigned>(zero) << 4));
  std::array<float, 16> errors = {};
  for (size_t i = 0; i < x.size(); ++i) {
    const float code = std::clamp(RoundToEven(x[i] * inverse) + zero, 0.0F, kSteps);
    out.codes[i] = static_cast<uint8_t>(code);
    const float error = x[i] - step * (code - zero);
    errors[i % errors.size()] += error * error;
  }
  out.squared_error = SumInTree(errors);
  return out;
}

Codes QuantizeGroup(const Group& x, const Range& range, float scale) {
  const float width = range.hi - range.lo;
  if (width == 0.0F || scale == 0.0F) return {};
  const float inverse = 1.0F / (kSteps * scale);
  const float multiplier = std::clamp(std::ceil(width * inverse), 1.0F, kMaxMultiplier);
  const Codes whole = Quantize(x, range, scale, multiplier);
  if (multiplier == 1.0F) return whole;
  const Codes clipped = Quantize(x, range, scale, multiplier - 1.0F);
  return clipped.squared_error < whole.squared_error ? clipped : whole;
}

}  // namespace

void QuantizeKv(const float* x, int64_t head_dim, const KvSlot& slot) {
  const int64_t half_dim = KvPaddedDim(head_dim) / 2;
  const int64_t n_groups = KvGroups(head_dim);
  std::memset(slot.codes, 0, static_cast<size_t>(half_dim));
  float widest = 0.0F;
  for (int64_t g = 0; g < n_groups; ++g) {
    slot.groups[g * slot.group_stride] = 0;
    const Range range = RangeOf(LoadGroup(x, head_dim, g * kKvGroup));
    widest = std::max(widest, range.hi - range.lo);
  }
  if (!std::all_of(x, x + head_dim, [](float v) { return std::isfinite(v); })) {
    *slot.scale = kNanHalf;
    return;
  }
  *slot.scale = FloatToHalf(std::min(widest / (kSteps * kMaxMultiplier), kLargestHalf));
  const float scale = HalfToFloat(*slot.scale);
  for (int64_t g = 0; g < n_groups; ++g) {
    const Group group = LoadGroup(x, head_dim, g * kKvGroup);
    const Codes codes = QuantizeGroup(group, RangeOf(group), scale);
    slot.groups[g * slot.group_stride] = codes.group;
    const int64_t first = g * kKvGroup;
    uint8_t* bytes = slot.codes + first % half_dim;
    const int shift = first < half_dim ? 0 : 4;
    for (size_t i = 0; i < codes.codes.size(); ++i) {
      bytes[i] = static_cast<uint8_t>(bytes[i] | (codes.codes[i] << shift));
    }
  }
}

}  // namespace accllm::kernels
