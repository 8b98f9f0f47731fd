#include "kernels/low_rank/low_rank.h"

namespace accllm::kernels {

void AddLowRankScalar(const LowRankColumns& b, const LowRankInput& u, int64_t n, float* y) {
  for (int64_t r = 0; r < n; ++r) {
    int32_t sum = 0;
    for (int64_t i = 0; i < b.rank; ++i) sum += int32_t{b.b[i * b.stride + r]} * u.u[i];
    y[r] += static_cast<float>(sum) * u.scale;
  }
}

}  // namespace accllm::kernels
