#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "kernels/quantize/quantize.h"
#include "kernels/quantize/round_to_even.h"

namespace accllm::kernels {
namespace {

constexpr uint32_t kInfinityBits = 0x7F800000U;

// max |x| by bit patterns, so that NaN and infinity win whatever the order.
uint32_t MaxAbsBits(const float* x, int64_t n) {
  uint32_t bits = 0;
  for (int64_t i = 0; i < n; ++i)
    bits = std::max(bits, std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFU);
  return bits;
}

// For an inverse that is not 0. Clamped first, which changes nothing as the limits are integers.
int QuantizeInt8(float x, float inverse) {
  return static_cast<int>(RoundToEven(std::clamp(x * inverse, -127.0F, 127.0F)));
}

}  // namespace

Int8Rule MakeInt8Rule(uint32_t amax_bits) {
  if (amax_bits >= kInfinityBits) return {std::numeric_limits<float>::quiet_NaN(), 0.0F};
  const auto amax = std::bit_cast<float>(amax_bits);
  const float inverse = 127.0F / amax;
  if (!(inverse < std::numeric_limits<float>::infinity())) return {0.0F, 0.0F};  // amax ~ 0
  return {amax / 127.0F, inverse};
}

void QuantizeActivationsScalar(const float* x, int64_t n, uint8_t* codes, float* scale) {
  const Int8Rule rule = MakeInt8Rule(MaxAbsBits(x, n));
  *scale = rule.scale;
  const int64_t n_blocks = (n + 255) / 256;
  std::memset(codes, 128, static_cast<size_t>(n_blocks * 256));
  if (rule.inverse == 0.0F) return;
  for (int64_t k = 0; k < n; ++k) {
    const int64_t in_block = k % 256;
    codes[k - in_block + 64 * (in_block % 4) + in_block / 4] =
        static_cast<uint8_t>(QuantizeInt8(x[k], rule.inverse) + 128);
  }
}

void QuantizeQuery(const float* x, int64_t head_dim, int64_t padded_dim, int8_t* q, float* scale) {
  const Int8Rule rule = MakeInt8Rule(MaxAbsBits(x, head_dim));
  *scale = rule.scale;
  std::memset(q, 0, static_cast<size_t>(padded_dim));
  if (rule.inverse == 0.0F) return;
  for (int64_t i = 0; i < head_dim; ++i) {
    q[i] = static_cast<int8_t>(QuantizeInt8(x[i], rule.inverse));
  }
}

}  // namespace accllm::kernels
