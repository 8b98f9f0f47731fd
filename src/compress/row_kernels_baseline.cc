#define ACCLLM_ROW_KERNELS row_kernels_baseline
#define ACCLLM_ROW_LANES 4
#include "compress/row_kernels_body.inc"

namespace accllm {

const RowKernels* BaselineRowKernels() { return &row_kernels_baseline::kTable; }

}  // namespace accllm
