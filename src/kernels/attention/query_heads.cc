#include "kernels/attention/query_heads.h"

#include <numeric>

namespace accllm::kernels {

QueryHeads::QueryHeads(int64_t n_heads, int64_t head_dim, const HeadKernels& kernels)
    : kernels_(kernels),
      head_dim_(head_dim),
      q_(static_cast<size_t>(n_heads * KvPaddedDim(head_dim))),
      scales_(static_cast<size_t>(n_heads)),
      sums_(static_cast<size_t>(n_heads * KvGroups(head_dim))) {}

void QueryHeads::Set(int64_t head, float* x) {
  const int64_t padded_dim = KvPaddedDim(head_dim_);
  int8_t* q = q_.data() + head * padded_dim;
  kernels_.hadamard(x, head_dim_);
  kernels_.quantize_query(x, head_dim_, padded_dim, q, &scales_[static_cast<size_t>(head)]);
  int32_t* sums = sums_.data() + head * KvGroups(head_dim_);
  for (int64_t g = 0; g < KvGroups(head_dim_); ++g) {
    sums[g] = std::accumulate(q + g * kKvGroup, q + (g + 1) * kKvGroup, 0);
  }
}

}  // namespace accllm::kernels
