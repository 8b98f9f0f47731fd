#include "compress/patterns.h"

#include <algorithm>
#include <array>

#include "base/index.h"
#include "spec/packed_format.h"

namespace accllm {
namespace {

constexpr size_t kPatternCount = std::size(format::kPatterns);

// Calls f(set, first, n) for each four: its set, and where its n weights begin.
template <typename Patterns, typename F>
void ForEachFour(Patterns& patterns, int64_t cols, const F& f) {
  for (int64_t row = 0; row < patterns.rows; ++row) {
    for (int64_t four = 0; four < patterns.n_fours; ++four) {
      f(patterns.sets[Index(row * patterns.n_fours + four)], row * cols + 4 * four,
        std::min<int64_t>(4, cols - 4 * four));
    }
  }
}

PatternSet AllAllowed(int64_t rows, int64_t cols) {
  const int64_t n_fours = (cols + 3) / 4;
  return {rows, n_fours, std::vector<uint8_t>(Index(rows * n_fours), 0x3F)};
}

// Bit i: whether weight i of a four is in the pattern.
unsigned ColumnsOf(size_t pattern) {
  return (1U << format::kPatterns[pattern][0]) | (1U << format::kPatterns[pattern][1]);
}

}  // namespace

PatternSet LargestPatterns(std::span<const float> weights, int64_t rows, int64_t cols,
                           std::span<const float> column_weights) {
  PatternSet patterns = AllAllowed(rows, cols);
  ForEachFour(patterns, cols, [&](uint8_t& set, int64_t first, int64_t n) {
    std::array<double, 4> score = {};
    for (int64_t i = 0; i < n; ++i) {
      const double w = weights[Index(first + i)];
      score[Index(i)] = w * w * static_cast<double>(column_weights[Index((first + i) % cols)]);
    }
    double best = -1;
    for (size_t p = 0; p < kPatternCount; ++p) {
      const double sum = score[format::kPatterns[p][0]] + score[format::kPatterns[p][1]];
      if (sum > best) {
        best = sum;
        set = static_cast<uint8_t>(1U << p);
      }
    }
  });
  return patterns;
}

PatternSet WandaPatterns(std::span<const float> weights, int64_t rows, int64_t cols,
                         std::span<const float> h) {
  std::vector<float> squared_norms(Index(cols));
  for (int64_t k = 0; k < cols; ++k) squared_norms[Index(k)] = h[Index(k * (cols + 1))];
  return LargestPatterns(weights, rows, cols, squared_norms);
}

std::optional<PatternSet> KeptPatterns(std::span<const float> weights, int64_t rows, int64_t cols) {
  if (std::find(weights.begin(), weights.end(), 0.0F) == weights.end()) return std::nullopt;
  PatternSet patterns = AllAllowed(rows, cols);
  bool is_sparse = true;
  ForEachFour(patterns, cols, [&](uint8_t& set, int64_t first, int64_t n) {
    unsigned columns = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (weights[Index(first + i)] != 0.0F) columns |= 1U << i;
    }
    for (size_t p = 0; p < kPatternCount; ++p) {
      if ((columns & ~ColumnsOf(p)) != 0) set = static_cast<uint8_t>(set & ~(1U << p));
    }
    is_sparse = is_sparse && set != 0;
  });
  if (!is_sparse) return std::nullopt;
  return patterns;
}

std::vector<float> Masked(std::span<const float> weights, int64_t cols,
                          const PatternSet& patterns) {
  std::vector<float> masked(weights.begin(), weights.end());
  ForEachFour(patterns, cols, [&](uint8_t set, int64_t first, int64_t n) {
    unsigned columns = 0;
    for (size_t p = 0; p < kPatternCount; ++p) {
      if ((set >> p & 1U) != 0) columns |= ColumnsOf(p);
    }
    for (int64_t i = 0; i < n; ++i) {
      if ((columns >> i & 1U) == 0) masked[Index(first + i)] = 0;
    }
  });
  return masked;
}

}  // namespace accllm
