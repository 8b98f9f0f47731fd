#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/kv4/kv4.h"

namespace accllm::rtl {

// What kv4_quantize gives of 32 dimensions.
struct Kv4Group {
  std::array<uint32_t, 4> codes = {};  // 32 of 4 bits
  uint32_t group = 0;
  uint32_t scale = 0;
  bool is_last = false;  // of the vector
  bool operator==(const Kv4Group&) const = default;
};

// A vector's groups by the kernel.
inline std::vector<Kv4Group> Kv4GroupsOf(const std::vector<float>& x) {
  const auto dim = static_cast<int64_t>(x.size());
  const int64_t padded = kernels::KvPaddedDim(dim);
  std::vector<uint8_t> codes(static_cast<size_t>(padded / 2));
  std::vector<uint8_t> groups(static_cast<size_t>(padded / 32));
  uint16_t scale = 0;
  kernels::QuantizeKv(x.data(), dim, {codes.data(), &scale, groups.data(), 1});
  std::vector<Kv4Group> out(groups.size());
  for (size_t g = 0; g < out.size(); ++g) {
    out[g] = {{}, groups[g], scale, g + 1 == out.size()};
    for (size_t i = 0; i < 32; ++i) {
      const int code = kernels::KvCode(codes.data(), padded, static_cast<int64_t>(32 * g + i));
      out[g].codes[i / 8] |= static_cast<uint32_t>(code) << (4 * (i % 8));
    }
  }
  return out;
}

}  // namespace accllm::rtl
