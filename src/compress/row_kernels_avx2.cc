#define ACCLLM_ROW_KERNELS row_kernels_avx2
#define ACCLLM_ROW_LANES 8
#include "compress/row_kernels_body.inc"

namespace accllm {

const RowKernels* Avx2RowKernels() {
  return __builtin_cpu_supports("avx2") ? &row_kernels_avx2::kTable : nullptr;
}

}  // namespace accllm
