#include "compress/patterns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "compress/testing/random_problem.h"
#include "spec/packed_format.h"

namespace accllm {
namespace {

using testing::RandomNormal;

// Whether every pattern of the set holds weight i of its four.
bool Survives(uint8_t set, size_t i) {
  bool survives = true;
  for (size_t p = 0; p < 6; ++p) {
    if ((set >> p & 1) == 0) continue;
    survives = survives && (format::kPatterns[p][0] == i || format::kPatterns[p][1] == i);
  }
  return survives;
}

// The two of largest score, by sorting.
std::array<bool, 4> LargestTwo(const std::array<double, 4>& score) {
  std::array<size_t, 4> order;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return score[a] > score[b]; });
  std::array<bool, 4> largest = {};
  largest[order[0]] = largest[order[1]] = true;
  return largest;
}

TEST(Patterns, WandaKeepsTheLargestWeightTimesInputNorm) {
  const int64_t rows = 7;
  const int64_t cols = 64;
  const std::vector<float> w = RandomNormal(rows * cols, 1);
  const std::vector<float> x = testing::RandomInputs(50, cols, 2);
  std::vector<float> h(static_cast<size_t>(cols * cols));
  std::vector<double> norms(static_cast<size_t>(cols));
  for (size_t k = 0; k < norms.size(); ++k) {
    double sum = 0;
    for (size_t t = 0; t < 50; ++t) sum += std::pow(x[t * norms.size() + k], 2);
    norms[k] = std::sqrt(sum);
    h[k * (norms.size() + 1)] = static_cast<float>(sum);
  }
  const PatternSet patterns = WandaPatterns(w, rows, cols, h);
  for (size_t four = 0; four < patterns.sets.size(); ++four) {
    std::array<double, 4> score;
    for (size_t i = 0; i < 4; ++i) {
      score[i] = std::abs(static_cast<double>(w[4 * four + i])) * norms[(4 * four + i) % 64];
    }
    const std::array<bool, 4> expected = LargestTwo(score);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(Survives(patterns.sets[four], i), expected[i]);
  }
}

TEST(Patterns, MagnitudeKeepsTheLargestAndMaskedZeroesTheRest) {
  const std::vector<float> w = RandomNormal(3 * 10, 3);  // the last group of a row has two
  const std::vector<float> ones(10, 1.0F);
  const PatternSet patterns = LargestPatterns(w, 3, 10, ones);
  EXPECT_EQ(patterns.n_fours, 3);
  const std::vector<float> masked = Masked(w, 10, patterns);
  for (size_t row = 0; row < 3; ++row) {
    for (size_t k = 0; k < 8; k += 4) {
      std::array<double, 4> score;
      for (size_t i = 0; i < 4; ++i) score[i] = std::abs(w[row * 10 + k + i]);
      const std::array<bool, 4> expected = LargestTwo(score);
      for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(masked[row * 10 + k + i], expected[i] ? w[row * 10 + k + i] : 0.0F);
      }
    }
    EXPECT_EQ(masked[row * 10 + 8], w[row * 10 + 8]);
    EXPECT_EQ(masked[row * 10 + 9], w[row * 10 + 9]);
  }
}

TEST(Patterns, KeptPatternsHoldTheNonZeros) {
  const std::vector<float> w = {0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0};
  const auto kept = KeptPatterns(w, 1, 12);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->sets[0], 1 << 4);                      // (1, 3)
  EXPECT_EQ(kept->sets[1], 0x3F);                        // anything
  EXPECT_EQ(kept->sets[2], (1 << 0 | 1 << 1 | 1 << 2));  // (0, 1), (0, 2), (0, 3)
}

TEST(Patterns, DenseMatricesKeepNoPatterns) {
  EXPECT_FALSE(KeptPatterns(std::vector<float>{1, 2, 3, 0}, 1, 4));
  EXPECT_FALSE(KeptPatterns(std::vector<float>{1, 0, 0, 1, 1, 1, 1, 0}, 2, 4));
  EXPECT_FALSE(KeptPatterns(std::vector<float>{1, 2}, 1, 2));  // two columns need no pruning
}

}  // namespace
}  // namespace accllm
