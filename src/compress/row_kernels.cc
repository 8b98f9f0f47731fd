#include "compress/row_kernels.h"

namespace accllm {

#if !defined(ACCLLM_COMPRESS_X86)
const RowKernels* Avx2RowKernels() { return nullptr; }
const RowKernels* Avx512RowKernels() { return nullptr; }
#endif

const RowKernels& BestRowKernels() {
  if (const RowKernels* kernels = Avx512RowKernels()) return *kernels;
  if (const RowKernels* kernels = Avx2RowKernels()) return *kernels;
  return *BaselineRowKernels();
}

}  // namespace accllm
