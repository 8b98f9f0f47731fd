// Which 2:4 patterns each four weights may take: how a pruning method, or a checkpoint that is
// already pruned, restricts the choice of codes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace accllm {

struct PatternSet {
  int64_t rows = 0;
  int64_t n_fours = 0;        // of a row
  std::vector<uint8_t> sets;  // [rows, n_fours]: bit p allows format::kPatterns[p], at least one
};

// The one pattern of the two largest w^2 * column_weights; the first such pair on a tie.
// weights: [rows, cols]; column_weights: [cols].
PatternSet LargestPatterns(std::span<const float> weights, int64_t rows, int64_t cols,
                           std::span<const float> column_weights);

// Wanda (arXiv 2306.11695): the two largest |w| * |x|, with |x| the norm of the column's inputs
// over the calibration text. h: [cols, cols], the sum of x x^T.
PatternSet WandaPatterns(std::span<const float> weights, int64_t rows, int64_t cols,
                         std::span<const float> h);

// Of a matrix that is 2:4 sparse already: the patterns that hold all its non-zeros. Nothing if a
// group of four has more than two, or if no weight is zero.
std::optional<PatternSet> KeptPatterns(std::span<const float> weights, int64_t rows, int64_t cols);

// The weights with what none of the allowed patterns holds set to zero.
std::vector<float> Masked(std::span<const float> weights, int64_t cols, const PatternSet& patterns);

}  // namespace accllm
