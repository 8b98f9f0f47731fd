// All kernels of one ISA. Every entry equals the scalar one bit for bit.
#pragma once

#include "base/isa.h"
#include "kernels/attention/attention.h"
#include "kernels/heads/heads.h"
#include "kernels/linear/linear.h"
#include "kernels/low_rank/low_rank.h"
#include "kernels/quantize/quantize.h"
#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/silu/silu.h"

namespace accllm::kernels {

struct KernelTable {
  TileKernels tile;
  DotF16 dot_f16 = nullptr;
  QuantizeActivations quantize_activations = nullptr;
  RmsNorm rmsnorm = nullptr;
  SiluMul silu_mul = nullptr;
  Attention attention = nullptr;
  AddLowRank add_low_rank = nullptr;
  HeadKernels heads;
};

// The kernels of `isa`, which this CPU must support (IsaSupported).
const KernelTable& KernelsFor(Isa isa);

}  // namespace accllm::kernels
