// The low-rank part of a linear layer, ready for the kernels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/linear/linear.h"
#include "kernels/low_rank/low_rank.h"
#include "packed/low_rank.h"

namespace accllm {

struct LowRankWeight {
  // A as W8 with multipliers of 1, so that its product is that of any layer: [rank, cols]. Its row
  // scales are the products of both halves', which are exact.
  kernels::PackedMatrix a;
  const int8_t* b = nullptr;      // B transposed: [rank, rows]
  std::vector<float> scales;      // [padded rank] of `a`
  std::vector<int32_t> row_sums;  // [padded rank] of `a`

  int64_t rank() const { return a.rows; }
};

// Bytes that a low-rank part takes in memory: A's tiles, then B.
int64_t LowRankBytes(const LowRank& low_rank);

// Fills `memory`, which is zero, of LowRankBytes, aligned to 64 bytes. The result points there.
LowRankWeight LayOutLowRank(const LowRank& low_rank, const kernels::TileKernels& kernels,
                            uint8_t* memory);

// u = A x of a chunk of tokens, for a layer or layers that share their input, and its A8.
class LowRankChunk {
 public:
  static constexpr size_t kMaxLayers = 3;  // q, k and v

  LowRankChunk() = default;
  LowRankChunk(int64_t max_rank, int64_t max_tokens);

  // [n_tokens, rank], to be filled.
  float* u(size_t layer) { return slots_[layer].u.data(); }
  // Quantises it.
  void Quantize(size_t layer, int64_t rank, int64_t n_tokens);
  kernels::LowRankInput Input(size_t layer, int64_t rank, int64_t token) const;

 private:
  struct Slot {
    std::vector<float> u;       // [max_tokens, max_rank]
    std::vector<int8_t> codes;  // likewise
    std::vector<float> scales;  // [max_tokens]
  };
  std::array<Slot, kMaxLayers> slots_;
};

}  // namespace accllm
