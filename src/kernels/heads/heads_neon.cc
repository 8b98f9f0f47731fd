#include "kernels/heads/head_loops.h"

namespace accllm::kernels {

HeadKernels NeonHeadKernels() { return {HadamardLoops, QuantizeQueryLoops, QuantizeKvLoops}; }

}  // namespace accllm::kernels
