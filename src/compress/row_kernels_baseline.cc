#define ACCLLM_ROW_KERNELS row_kernels_baseline
#include "compress/row_kernels_body.inc"

namespace accllm {

const RowKernels* BaselineRowKernels() { return &row_kernels_baseline::kTable; }

}  // namespace accllm
