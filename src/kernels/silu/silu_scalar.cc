#include <cmath>

#include "kernels/exp2/exp2.h"
#include "kernels/silu/silu.h"

namespace accllm::kernels {

void SiluMulScalar(const float* gate, const float* up, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const float x = gate[i];
    const float e = static_cast<float>(Exp2NegQ30(Exp2ArgumentQ16(std::abs(x)))) * 0x1p-30F;
    const float sigmoid = (x >= 0.0F ? 1.0F : e) / (1.0F + e);
    out[i] = (x * sigmoid) * up[i];
  }
}

}  // namespace accllm::kernels
