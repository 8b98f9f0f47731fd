#include "compress/row_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/block_codec.h"
#include "compress/testing/random_problem.h"

namespace accllm {
namespace {

using testing::RandomNormal;

constexpr size_t kGroupSize = static_cast<size_t>(kGroupCols * kChunkRows);

std::vector<const RowKernels*> AllTables() {
  std::vector<const RowKernels*> tables = {BaselineRowKernels()};
  for (const RowKernels* table : {Avx2RowKernels(), Avx512RowKernels()}) {
    if (table != nullptr) tables.push_back(table);
  }
  return tables;
}

TEST(RowKernels, SubtractProductForEveryShape) {
  for (const int64_t n_i : {1, 5, 256, 300}) {
    for (const int64_t n_j : {1, 3, 4, 33}) {
      const int64_t stride = n_j + 5;
      const std::vector<float> a = RandomNormal(n_i * stride, 1);
      const std::vector<float> y = RandomNormal(n_i * kChunkRows, 2);
      const std::vector<float> c = RandomNormal(n_j * kChunkRows, 3);
      std::vector<float> first;
      for (const RowKernels* table : AllTables()) {
        std::vector<float> out = c;
        table->subtract_product(a.data(), stride, n_i, n_j, y.data(), out.data());
        if (first.empty()) first = out;
        EXPECT_EQ(out, first);
      }
      for (int64_t j = 0; j < n_j; ++j) {
        for (int64_t r = 0; r < kChunkRows; ++r) {
          double sum = c[static_cast<size_t>(j * kChunkRows + r)];
          for (int64_t i = 0; i < n_i; ++i) {
            sum -= static_cast<double>(a[static_cast<size_t>(i * stride + j)]) *
                   static_cast<double>(y[static_cast<size_t>(i * kChunkRows + r)]);
          }
          ASSERT_NEAR(first[static_cast<size_t>(j * kChunkRows + r)], sum, 1e-3);
        }
      }
    }
  }
}

struct SearchResult {
  std::vector<float> levels = std::vector<float>(kGroupSize);
  std::vector<float> errors = std::vector<float>(kGroupSize);
  std::vector<float> multipliers = std::vector<float>(static_cast<size_t>(kChunkRows));
  bool operator==(const SearchResult&) const = default;
};

using Search = void (*RowKernels::*)(const ObsGroup&, const MultiplierSearch&, ObsGroupRows&);

SearchResult RunSearch(const RowKernels& table, Search search, const ObsGroup& group,
                       const std::vector<float>& weights, float row_scale,
                       int32_t allowed = kAllPatterns) {
  constexpr std::array<float, 5> factors = {0.6F, 0.7F, 0.8F, 0.9F, 1.0F};
  const std::vector<float> scales(static_cast<size_t>(kChunkRows), row_scale);
  const std::vector<int32_t> patterns(kGroupSize / 4, allowed);
  SearchResult result;
  ObsGroupRows rows = {weights.data(),
                       scales.data(),
                       patterns.data(),
                       result.levels.data(),
                       result.multipliers.data(),
                       result.errors.data()};
  (table.*search)(group, {factors.data(), std::ssize(factors), 200.0F}, rows);
  return result;
}

ObsGroup IdentityGroup() {
  ObsGroup group = {};
  for (int i = 0; i < kGroupCols; ++i) {
    group.upper[i][i] = 1;
    group.inverse_diagonal[i] = 1;
    group.metric[i / 4][i % 4][i % 4] = 1;
  }
  return group;
}

// A group of U with every entry of its triangle in use; the metric is any symmetric positive one.
ObsGroup DenseGroup() {
  ObsGroup group = IdentityGroup();
  const std::vector<float> noise = RandomNormal(kGroupCols * kGroupCols, 9);
  for (int i = 0; i < kGroupCols; ++i) {
    for (int j = i + 1; j < kGroupCols; ++j) {
      group.upper[i][j] = 0.1F * noise[static_cast<size_t>(i * kGroupCols + j)];
    }
  }
  for (auto& metric : group.metric) {
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j)
        metric[i][j] = i == j ? 1.5F + 0.1F * static_cast<float>(i) : 0.3F;
    }
  }
  return group;
}

TEST(RowKernels, SearchesAgreeBitForBitOnEveryInstructionSet) {
  const std::vector<float> weights = RandomNormal(static_cast<int64_t>(kGroupSize), 4);
  for (const Search search :
       {&RowKernels::search_24, &RowKernels::search_sparsegpt, &RowKernels::prune_sparsegpt,
        &RowKernels::search_w2, &RowKernels::search_w3, &RowKernels::search_w4,
        &RowKernels::search_w8}) {
    const SearchResult first =
        RunSearch(*BaselineRowKernels(), search, DenseGroup(), weights, 0.01F);
    for (const RowKernels* table : AllTables()) {
      EXPECT_EQ(RunSearch(*table, search, DenseGroup(), weights, 0.01F), first);
    }
  }
}

// The least l^T M l - 2 l^T M w over all codes of the allowed patterns.
double BestCost(const float metric[4][4], const std::array<double, 4>& w, int32_t allowed) {
  double best = 1e300;
  for (uint8_t code = 0; code < 96; ++code) {
    if ((allowed >> (code >> 4) & 1) == 0) continue;
    const std::array<int8_t, 4> levels = DecodeCode24(code);
    double cost = 0;
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        const double m = static_cast<double>(metric[i][j]);
        const auto li = static_cast<double>(levels[static_cast<size_t>(i)]);
        const auto lj = static_cast<double>(levels[static_cast<size_t>(j)]);
        cost += m * li * lj - 2 * m * li * w[static_cast<size_t>(j)];
      }
    }
    best = std::min(best, cost);
  }
  return best;
}

double CostOf(const float metric[4][4], const std::array<double, 4>& w,
              const std::array<double, 4>& l) {
  double cost = 0;
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 4; ++j) {
      cost += static_cast<double>(metric[i][j]) * l[i] * (l[j] - 2 * w[j]);
    }
  }
  return cost;
}

TEST(RowKernels, FirstFourGetTheBestOfAllCodes) {
  const std::vector<float> weights = RandomNormal(static_cast<int64_t>(kGroupSize), 5);
  const ObsGroup group = DenseGroup();
  for (const int32_t allowed : {kAllPatterns, 1 << 0, 1 << 3 | 1 << 5, 1 << 4}) {
    const SearchResult result =
        RunSearch(BestRowKernels(), &RowKernels::search_24, group, weights, 0.01F, allowed);
    for (size_t r = 0; r < static_cast<size_t>(kChunkRows); ++r) {
      std::array<double, 4> w;
      std::array<double, 4> levels;
      for (size_t k = 0; k < 4; ++k) {
        const size_t at = k * static_cast<size_t>(kChunkRows) + r;
        w[k] =
            static_cast<double>(weights[at]) / (0.01 * static_cast<double>(result.multipliers[r]));
        levels[k] = static_cast<double>(result.levels[at]);
      }
      EXPECT_NEAR(CostOf(group.metric[0], w, levels), BestCost(group.metric[0], w, allowed), 1e-3);
    }
  }
}

TEST(RowKernels, RefinementAgreesOnEveryInstructionSetAndKeepsTheCodesValid) {
  ThreadPool pool(1);
  const std::vector<float> h = testing::RandomMoment(kGroupCols, 3, pool);
  std::vector<float> gradient = RandomNormal(static_cast<int64_t>(kGroupSize), 6);
  for (float& value : gradient) value *= 1000;  // as large as h times a weight
  const std::vector<float> scales(static_cast<size_t>(kChunkRows), 1e-3F);
  const std::vector<int32_t> patterns(kGroupSize / 4, kAllPatterns);
  constexpr std::array<float, 3> factors = {1.0F, 0.95F, 1.05F};
  SearchResult first;
  for (const RowKernels* table : AllTables()) {
    SearchResult out;
    for (size_t i = 0; i < kGroupSize; ++i) {
      out.levels[i] = i / static_cast<size_t>(kChunkRows) % 4 < 2 ? 1.0F : 0.0F;
    }
    out.multipliers.assign(out.multipliers.size(), 100.0F);
    RefineGroupRows rows = {scales.data(),          gradient.data(),   out.levels.data(),
                            out.multipliers.data(), out.errors.data(), patterns.data()};
    table->refine_24(h.data(), {factors.data(), std::ssize(factors), 255.0F}, rows);
    if (table == BaselineRowKernels()) first = out;
    EXPECT_EQ(out, first);
  }
  int n_changed = 0;
  for (size_t r = 0; r < static_cast<size_t>(kChunkRows); ++r) {
    for (size_t k = 0; k < static_cast<size_t>(kGroupCols); k += 4) {
      int survivors = 0;
      for (size_t i = k; i < k + 4; ++i) {
        survivors += static_cast<int>(first.levels[i * static_cast<size_t>(kChunkRows) + r] != 0);
        n_changed += static_cast<int>(first.errors[i * static_cast<size_t>(kChunkRows) + r] != 0);
      }
      ASSERT_EQ(survivors, 2);
    }
  }
  EXPECT_GT(n_changed, 0);
}

}  // namespace
}  // namespace accllm
