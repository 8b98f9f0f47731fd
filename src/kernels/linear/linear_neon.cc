#include <arm_neon.h>

#include "kernels/linear/kernels_neon.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/panel_neon.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {

TileKernels NeonTileKernels() { return TileKernelsWith<neon::PanelOfDots>(); }

float DotF16Neon(const uint16_t* row, const float* x, int64_t n) {
  float32x4_t lanes[4] = {};
  const auto add = [&lanes](const uint16_t* halves, const float* floats) {
    for (int i = 0; i < 4; ++i) {
      const float32x4_t product = vmulq_f32(LoadHalves(halves + 4 * i), vld1q_f32(floats + 4 * i));
      lanes[i] = vaddq_f32(lanes[i], product);
    }
  };
  int64_t k = 0;
  for (; k + 16 <= n; k += 16) add(row + k, x + k);
  if (k < n) {
    add(FirstValues<uint16_t, 16>(row + k, n - k).data(),
        FirstValues<float, 16>(x + k, n - k).data());
  }
  return TreeSum(lanes);
}

}  // namespace accllm::kernels
