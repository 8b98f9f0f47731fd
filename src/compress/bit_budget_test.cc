#include "compress/bit_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "compress/plan.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

using format::TensorType;

BitBudget RandomBudget(std::mt19937& rng, size_t n_matrices) {
  BitBudget budget;
  std::uniform_int_distribution<int64_t> bytes(1, 40);
  std::uniform_real_distribution<double> share(0.1, 1.0);
  int64_t most = 0;
  for (size_t m = 0; m < n_matrices; ++m) {
    OpenMatrix matrix = {m, {}};
    int64_t size = 10;
    double loss = share(rng);
    for (int t = 0; t < 4; ++t) {
      matrix.types.push_back({TensorType::kW2, size, loss});
      size += bytes(rng);
      loss *= share(rng);
    }
    most += matrix.types.back().bytes - matrix.types.front().bytes;
    budget.matrices.push_back(std::move(matrix));
  }
  budget.spare_bytes = std::uniform_int_distribution<int64_t>(0, most)(rng);
  return budget;
}

int64_t Spent(const BitBudget& budget, const std::vector<size_t>& chosen) {
  int64_t spent = 0;
  for (size_t m = 0; m < chosen.size(); ++m) {
    const auto& types = budget.matrices[m].types;
    spent += types[chosen[m]].bytes - types.front().bytes;
  }
  return spent;
}

double Loss(const BitBudget& budget, const std::vector<size_t>& chosen) {
  double loss = 0;
  for (size_t m = 0; m < chosen.size(); ++m) loss += budget.matrices[m].types[chosen[m]].loss;
  return loss;
}

// The least loss that `spare_bytes` can buy, by trying everything.
double LeastLoss(const BitBudget& budget, int64_t spare_bytes) {
  std::vector<size_t> chosen(budget.matrices.size(), 0);
  double least = Loss(budget, chosen);
  for (;;) {
    size_t m = 0;
    while (m < chosen.size() && ++chosen[m] == budget.matrices[m].types.size()) chosen[m++] = 0;
    if (m == chosen.size()) return least;
    if (Spent(budget, chosen) <= spare_bytes) least = std::min(least, Loss(budget, chosen));
  }
}

// The largest price of one step along any matrix's types.
int64_t LargestStep(const BitBudget& budget) {
  int64_t largest = 0;
  for (const OpenMatrix& matrix : budget.matrices) {
    largest = std::max(largest, matrix.types.back().bytes - matrix.types.front().bytes);
  }
  return largest;
}

TEST(SpendBytes, IsOptimalUpToOneStepAndNeverOverBudget) {
  std::mt19937 rng(7);
  int n_exact = 0;
  constexpr int kProblems = 300;
  for (int i = 0; i < kProblems; ++i) {
    const BitBudget budget = RandomBudget(rng, 5);
    const std::vector<size_t> chosen = SpendBytes(budget);
    ASSERT_LE(Spent(budget, chosen), budget.spare_bytes);
    const double loss = Loss(budget, chosen);
    const double least = LeastLoss(budget, budget.spare_bytes);
    EXPECT_GE(loss, least - 1e-12);
    // Greedy steps along the convex hulls are optimal for what they spend, so only the last step,
    // which no longer fits, can be missing.
    EXPECT_LE(loss, LeastLoss(budget, budget.spare_bytes - LargestStep(budget)) + 1e-12);
    n_exact += static_cast<int>(loss < least + 1e-12);
  }
  EXPECT_GT(n_exact, kProblems / 3);
}

TEST(SpendBytes, TakesTheStepOfBestRateFirst) {
  BitBudget budget;
  budget.matrices = {{0, {{TensorType::kW2S24, 100, 1.0}, {TensorType::kW4, 200, 0.2}}},
                     {1, {{TensorType::kW2S24, 100, 1.0}, {TensorType::kW4, 120, 0.5}}}};
  budget.spare_bytes = 20;
  EXPECT_EQ(SpendBytes(budget), (std::vector<size_t>{0, 1}));
  budget.spare_bytes = 119;  // the first does not fit any more
  EXPECT_EQ(SpendBytes(budget), (std::vector<size_t>{0, 1}));
  budget.spare_bytes = 120;
  EXPECT_EQ(SpendBytes(budget), (std::vector<size_t>{1, 1}));
  budget.spare_bytes = 0;
  EXPECT_EQ(SpendBytes(budget), (std::vector<size_t>{0, 0}));
}

TEST(SpendBytes, PassesOverATypeThatIsNoGain) {
  BitBudget budget;
  budget.matrices = {
      {0,
       {{TensorType::kW2S24, 100, 1.0}, {TensorType::kW2, 110, 1.2}, {TensorType::kW3, 140, 0.4}}}};
  budget.spare_bytes = 30;
  EXPECT_EQ(SpendBytes(budget), std::vector<size_t>{0});
  budget.spare_bytes = 40;
  EXPECT_EQ(SpendBytes(budget), std::vector<size_t>{2});
}

class OpenBudgetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config_.hidden_size = 256;
    config_.intermediate_size = 512;
    config_.n_layers = 2;
    config_.n_heads = 4;
    config_.n_kv_heads = 2;
    config_.head_dim = 64;
    config_.vocab_size = 300;
  }

  std::vector<TensorPlan> Plan(const std::vector<KeepDense>& keep) const {
    return *PlanTensors(config_, TensorType::kW2S24, keep);
  }
  Result<BitBudget> Open(double bits, const std::vector<KeepDense>& keep = {},
                         const CompressOptions& options = {}) const {
    return OpenBudget(Plan(keep), keep, bits, options.bits_types);
  }

  ModelConfig config_;
};

TEST_F(OpenBudgetTest, CountsScalesAndPadding) {
  const std::vector<TensorPlan> plan = Plan({});
  int64_t bytes = 0;
  int64_t weights = 0;
  for (const TensorPlan& tensor : plan) {
    if (tensor.type != TensorType::kW2S24) continue;
    bytes += LayOutTensor(tensor.type, tensor.rows, tensor.cols)->data_bytes;
    weights += tensor.rows * tensor.cols;
  }
  const auto budget = Open(2.5);
  ASSERT_TRUE(budget) << budget.error().ToString();
  EXPECT_EQ(budget->matrices.size(), 14U);
  EXPECT_EQ(budget->spare_bytes,
            static_cast<int64_t>(2.5 / 8 * static_cast<double>(weights)) - bytes);
  for (const OpenMatrix& matrix : budget->matrices) {
    ASSERT_EQ(matrix.types.size(), 5U);  // 2:4, w2, w3, w4, w8
    EXPECT_EQ(matrix.types.front().type, TensorType::kW2S24);
    EXPECT_EQ(matrix.types.back().type, TensorType::kW8);
    for (const TypeCost& type : matrix.types) {
      const TensorPlan& tensor = plan[matrix.place];
      EXPECT_EQ(type.bytes, LayOutTensor(type.type, tensor.rows, tensor.cols)->data_bytes);
    }
  }
}

TEST_F(OpenBudgetTest, NamedMatricesAreFixedAndCounted) {
  const std::vector<KeepDense> keep = {{"*.down_proj", TensorType::kW4},
                                       {"*.q_proj", TensorType::kF16}};
  const auto without = Open(6.0);
  const auto with = Open(6.0, keep);
  ASSERT_TRUE(with) << with.error().ToString();
  EXPECT_EQ(with->matrices.size(), 10U);
  const int64_t down = LayOutTensor(TensorType::kW4, 256, 512)->data_bytes -
                       LayOutTensor(TensorType::kW2S24, 256, 512)->data_bytes;
  const int64_t q = 256 * 256 * 2 - LayOutTensor(TensorType::kW2S24, 256, 256)->data_bytes;
  EXPECT_EQ(without->spare_bytes - with->spare_bytes, 2 * (down + q));
  const auto none_left = Open(6.0, {{"*", TensorType::kW4}});
  ASSERT_FALSE(none_left);
  EXPECT_NE(none_left.error().message.find("--keep-dense"), std::string::npos);
}

TEST_F(OpenBudgetTest, OnlyTheGivenTypesAreOpen) {
  CompressOptions options;
  options.bits_types = {TensorType::kW2, TensorType::kW4};
  const auto budget = Open(3.0, {}, options);
  ASSERT_TRUE(budget) << budget.error().ToString();
  EXPECT_EQ(budget->spare_bytes, Open(3.0)->spare_bytes);
  for (const OpenMatrix& matrix : budget->matrices) {
    std::vector<TensorType> types;
    for (const TypeCost& type : matrix.types) types.push_back(type.type);
    EXPECT_EQ(types, (std::vector{TensorType::kW2S24, TensorType::kW2, TensorType::kW4}));
  }
  const auto many = Open(5, {}, options);
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().message.find("even w4 "), std::string::npos) << many.error().message;
}

TEST_F(OpenBudgetTest, TooFewAndTooManyBitsSayWhatIsPossible) {
  const auto few = Open(2.0);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, ErrorCode::kInvalidArgument);
  const size_t at = few.error().message.find("take ");
  ASSERT_NE(at, std::string::npos) << few.error().message;
  const double least = std::stod(few.error().message.substr(at + 5));
  EXPECT_GT(least, 2.0);
  EXPECT_TRUE(Open(least));
  EXPECT_FALSE(Open(least - 2e-4));
  const auto many = Open(12);
  ASSERT_FALSE(many);
  EXPECT_NE(many.error().message.find("w8"), std::string::npos);
  EXPECT_FALSE(Open(std::nan("")));
}

TEST_F(OpenBudgetTest, ChoicesAreApplied) {
  std::vector<TensorPlan> plan = Plan({});
  BitBudget budget = *Open(2.3);
  budget.matrices.resize(2);
  for (TypeCost& type : budget.matrices[1].types) type.loss = 1.0 / static_cast<double>(type.bytes);
  const std::vector<BudgetChoice> choices = ChooseTypes(budget, plan);
  ASSERT_EQ(choices.size(), 2U);
  EXPECT_EQ(choices[0].type, "w2-2:4");
  EXPECT_NE(choices[1].type, "w2-2:4");
  EXPECT_LT(choices[1].loss, choices[1].base_loss);
  ASSERT_TRUE(ApplyChoices(choices, plan));
  EXPECT_EQ(TensorTypeLabel(plan[budget.matrices[1].place].type), choices[1].type);
  EXPECT_EQ(ApplyChoices({{"layers.9.mlp.up_proj", "w4", 0, 0}}, plan).error().code,
            ErrorCode::kCorrupt);
  EXPECT_EQ(ApplyChoices({{"layers.0.mlp.up_proj", "w5", 0, 0}}, plan).error().code,
            ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace accllm
