#include "kernels/hadamard/hadamard.h"

namespace accllm::kernels {

void Hadamard(float* x, int64_t head_dim) {
  const int64_t size = HadamardSize(head_dim);
  for (int64_t distance = 1; distance < size; distance *= 2) {
    for (int64_t first = 0; first < head_dim; first += 2 * distance) {
      for (int64_t i = first; i < first + distance; ++i) {
        const float a = x[i];
        const float b = x[i + distance];
        x[i] = a + b;
        x[i + distance] = a - b;
      }
    }
  }
}

}  // namespace accllm::kernels
