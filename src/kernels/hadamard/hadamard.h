// Walsh-Hadamard transform of a head, before keys become 4-bit codes: it spreads what single
// channels hold over all of them (QuaRot, arXiv 2404.00456).
#pragma once

#include <cstdint>

namespace accllm::kernels {

// The largest power of two that divides head_dim: a head is transformed in parts of this size.
inline int64_t HadamardSize(int64_t head_dim) { return head_dim & -head_dim; }

// x <- H x for each part, without normalisation, so that H H x = HadamardSize(head_dim) x. Stages
// at distances 1, 2, 4, ...: (a, b) becomes (a + b, a - b), each rounded once. x: [head_dim].
void Hadamard(float* x, int64_t head_dim);

}  // namespace accllm::kernels
