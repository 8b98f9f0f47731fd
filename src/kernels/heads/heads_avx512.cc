#include "kernels/heads/head_loops.h"

namespace accllm::kernels {

HeadKernels Avx512HeadKernels() { return {HadamardLoops, QuantizeQueryLoops, QuantizeKvLoops}; }

}  // namespace accllm::kernels
