#define ACCLLM_ROW_KERNELS row_kernels_avx512
#define ACCLLM_ROW_LANES 16
#include "compress/row_kernels_body.inc"

namespace accllm {

const RowKernels* Avx512RowKernels() {
  return __builtin_cpu_supports("avx512f") ? &row_kernels_avx512::kTable : nullptr;
}

}  // namespace accllm
