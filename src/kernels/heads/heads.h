// What a query, key or value head goes through on its way into attention and the cache.
#pragma once

#include <cstdint>

#include "kernels/hadamard/hadamard.h"
#include "kernels/kv4/kv4.h"
#include "kernels/quantize/quantize.h"

namespace accllm::kernels {

// Every ISA gives what the scalar functions give, bit for bit.
struct HeadKernels {
  void (*hadamard)(float* x, int64_t head_dim) = Hadamard;
  void (*quantize_query)(const float* x, int64_t head_dim, int64_t padded_dim, int8_t* q,
                         float* scale) = QuantizeQuery;
  void (*quantize_kv)(const float* x, int64_t head_dim, const KvSlot& slot) = QuantizeKv;
};

#if defined(ACCLLM_HAVE_X86_SIMD)
HeadKernels Avx2HeadKernels();
HeadKernels Avx512HeadKernels();
#elif defined(ACCLLM_HAVE_NEON)
HeadKernels NeonHeadKernels();
#endif

}  // namespace accllm::kernels
