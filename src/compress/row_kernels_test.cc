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
  for (const int64_t n_i : {1, 5, 128, 300}) {
    for (const int64_t n_j : {1, 3, 6, 33, 48, 101}) {
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

// Fours of integers from -8 to 8.
const FreeFours& TestCodebook() {
  struct Fours {
    FreeFours values;
  };
  static const Fours fours = [] {
    Fours random;
    const std::vector<float> noise = RandomNormal(format::kCodes * 4, 8);
    for (size_t code = 0; code < format::kCodes; ++code) {
      for (size_t j = 0; j < 4; ++j) {
        random.values[code][j] =
            std::clamp(std::nearbyint(2.5F * noise[4 * code + j]), -8.0F, 8.0F);
      }
    }
    return random;
  }();
  return fours.values;
}

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
  (table.*search)(group, {factors.data(), std::ssize(factors), 200.0F, &TestCodebook()}, rows);
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
        &RowKernels::search_free, &RowKernels::search_w2, &RowKernels::search_w3,
        &RowKernels::search_w4, &RowKernels::search_w8}) {
    const SearchResult first =
        RunSearch(*BaselineRowKernels(), search, DenseGroup(), weights, 0.01F);
    for (const RowKernels* table : AllTables()) {
      EXPECT_EQ(RunSearch(*table, search, DenseGroup(), weights, 0.01F), first);
    }
  }
}

using DoubleFour = std::array<double, 4>;

// l^T M l - 2 l^T M w.
double CostOf(const float metric[4][4], const DoubleFour& w, const DoubleFour& l) {
  double cost = 0;
  for (size_t i = 0; i < 4; ++i) {
    for (size_t j = 0; j < 4; ++j) {
      cost += static_cast<double>(metric[i][j]) * l[i] * (l[j] - 2 * w[j]);
    }
  }
  return cost;
}

// The first four columns of every row cost no more than with the best of `fours`.
void ExpectFirstFourBest(const SearchResult& result, const std::vector<float>& weights,
                         const std::vector<DoubleFour>& fours) {
  const ObsGroup group = DenseGroup();
  for (size_t r = 0; r < static_cast<size_t>(kChunkRows); ++r) {
    DoubleFour w;
    DoubleFour levels;
    for (size_t k = 0; k < 4; ++k) {
      const size_t at = k * static_cast<size_t>(kChunkRows) + r;
      w[k] = static_cast<double>(weights[at]) / (0.01 * static_cast<double>(result.multipliers[r]));
      levels[k] = static_cast<double>(result.levels[at]);
    }
    double best = 1e300;
    for (const DoubleFour& four : fours) {
      best = std::min(best, CostOf(group.metric[0], w, four));
    }
    EXPECT_NEAR(CostOf(group.metric[0], w, levels), best, 1e-3);
  }
}

TEST(RowKernels, FirstFourGetTheBestOfAllCodes) {
  const std::vector<float> weights = RandomNormal(static_cast<int64_t>(kGroupSize), 5);
  for (const int32_t allowed : {kAllPatterns, 1 << 0, 1 << 3 | 1 << 5, 1 << 4}) {
    std::vector<DoubleFour> fours;
    for (uint8_t code = 0; code < 96; ++code) {
      const std::array<int8_t, 4> levels = DecodeCode24(code);
      if ((allowed >> (code >> 4) & 1) == 0) continue;
      fours.push_back({1.0 * levels[0], 1.0 * levels[1], 1.0 * levels[2], 1.0 * levels[3]});
    }
    ExpectFirstFourBest(
        RunSearch(BestRowKernels(), &RowKernels::search_24, DenseGroup(), weights, 0.01F, allowed),
        weights, fours);
  }
}

TEST(RowKernels, FirstFourGetTheBestOfTheFreeCodes) {
  const std::vector<float> weights = RandomNormal(static_cast<int64_t>(kGroupSize), 5);
  std::vector<DoubleFour> fours;
  for (const auto& four : TestCodebook()) {
    fours.push_back({static_cast<double>(four[0]), static_cast<double>(four[1]),
                     static_cast<double>(four[2]), static_cast<double>(four[3])});
  }
  ExpectFirstFourBest(
      RunSearch(BestRowKernels(), &RowKernels::search_free, DenseGroup(), weights, 0.01F), weights,
      fours);
}

using RefineFunction = void (*RowKernels::*)(const float*, const MultiplierSearch&,
                                             RefineGroupRows&);

// From levels 1, 1, 0, 0 and multiplier 100; every instruction set must agree.
SearchResult RunRefinement(RefineFunction refine) {
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
    (table->*refine)(h.data(), {factors.data(), std::ssize(factors), 255.0F, &TestCodebook()},
                     rows);
    if (table == BaselineRowKernels()) first = out;
    EXPECT_EQ(out, first);
  }
  return first;
}

TEST(RowKernels, RefinementAgreesOnEveryInstructionSetAndKeepsTheCodesValid) {
  const SearchResult sparse = RunRefinement(&RowKernels::refine_24);
  const SearchResult free = RunRefinement(&RowKernels::refine_free);
  int n_changed = 0;
  for (size_t r = 0; r < static_cast<size_t>(kChunkRows); ++r) {
    for (size_t k = 0; k < static_cast<size_t>(kGroupCols); k += 4) {
      int survivors = 0;
      bool is_changed = false;
      std::array<float, 4> four;
      for (size_t i = 0; i < 4; ++i) {
        const size_t at = (k + i) * static_cast<size_t>(kChunkRows) + r;
        survivors += static_cast<int>(sparse.levels[at] != 0);
        n_changed += static_cast<int>(sparse.errors[at] != 0);
        four[i] = free.levels[at];
        is_changed |= free.errors[at] != 0;
      }
      ASSERT_EQ(survivors, 2);
      const bool is_code = std::any_of(
          std::begin(TestCodebook()), std::end(TestCodebook()),
          [&](const float(&code)[4]) { return std::equal(four.begin(), four.end(), code); });
      ASSERT_TRUE(is_code || !is_changed);
    }
  }
  EXPECT_GT(n_changed, 0);
}

}  // namespace
}  // namespace accllm
