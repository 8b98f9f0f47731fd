#include "compress/choose_codes.h"

#include <gtest/gtest.h>

#include <string>

#include "compress/testing/random_problem.h"

namespace accllm {
namespace {

using format::TensorType;

constexpr int64_t kRows = 70;
constexpr int64_t kCols = 160;

class ChooseCodesTest : public ::testing::Test {
 protected:
  ChooseCodesTest() : weights_(testing::RandomNormal(kRows * kCols, 1)) {
    inputs_.h = testing::RandomMoment(kCols, 2, pool_);
    inputs_.inverse = InverseCholeskyUpper(inputs_.h, kCols, 0.01, "test", pool_).value();
  }

  WeightMatrix matrix() const { return {weights_, kRows, kCols, "test"}; }

  QuantizedMatrix Choose(std::string_view recipe, const PatternSet* kept = nullptr) {
    const Recipe& r = **RecipeByName(recipe);
    auto q = ChooseCodes(r, r.type, matrix(), kept, r.calibrates() ? &inputs_ : nullptr, pool_);
    EXPECT_TRUE(q) << recipe;
    EXPECT_TRUE(PackMatrix(*q)) << recipe;
    return std::move(*q);
  }
  double Error(std::string_view recipe) {
    return RelativeError(matrix(), inputs_.h, Dequantize(Choose(recipe)), pool_).value();
  }

  ThreadPool pool_{2};
  std::vector<float> weights_;
  InputStatistics inputs_;
};

TEST_F(ChooseCodesTest, BetterMethodsHaveSmallerErrors) {
  const double magnitude = Error("magnitude-nearest");
  const double wanda = Error("wanda-nearest");
  const double wanda_gptq = Error("wanda-gptq");
  const double sparsegpt_gptq = Error("sparsegpt-gptq");
  const double joint = Error("joint");
  EXPECT_LT(wanda, magnitude);
  EXPECT_LT(Error("sparsegpt-nearest"), magnitude);
  EXPECT_LT(Error("magnitude-gptq"), magnitude);
  EXPECT_LT(wanda_gptq, wanda);
  EXPECT_LT(sparsegpt_gptq, wanda_gptq);
  EXPECT_LT(joint, sparsegpt_gptq);
  EXPECT_LT(Error("dense-w2"), sparsegpt_gptq);
  EXPECT_LT(Error("dense-w3"), 0.5 * Error("dense-w2"));
  EXPECT_LT(Error("dense-w4"), 0.5 * Error("dense-w3"));
}

// Levels are zero where the mask says so.
TEST_F(ChooseCodesTest, MasksOfWandaAndMagnitudeAreKeptByBothRoundings) {
  const std::vector<float> ones(static_cast<size_t>(kCols), 1.0F);
  const std::vector<float> magnitude =
      Masked(weights_, kCols, LargestPatterns(weights_, kRows, kCols, ones));
  const std::vector<float> wanda =
      Masked(weights_, kCols, WandaPatterns(weights_, kRows, kCols, inputs_.h));
  for (const std::string rounding : {"-nearest", "-gptq"}) {
    const QuantizedMatrix by_magnitude = Choose("magnitude" + rounding);
    const QuantizedMatrix by_wanda = Choose("wanda" + rounding);
    for (size_t i = 0; i < weights_.size(); ++i) {
      ASSERT_EQ(by_magnitude.levels[i] == 0, magnitude[i] == 0) << rounding << i;
      ASSERT_EQ(by_wanda.levels[i] == 0, wanda[i] == 0) << rounding << i;
    }
  }
}

TEST_F(ChooseCodesTest, EverySparseRecipeKeepsTheMaskOfASparseMatrix) {
  for (size_t four = 0; four < weights_.size(); four += 4) {
    weights_[four + four / 4 % 4] = 0;  // not the smallest ones
    weights_[four + (four / 4 + 1 + four / 16 % 3) % 4] = 0;
  }
  const auto kept = KeptPatterns(weights_, kRows, kCols);
  ASSERT_TRUE(kept);
  for (const Recipe& recipe : Recipes()) {
    if (recipe.type != TensorType::kW2S24) continue;
    const QuantizedMatrix q = Choose(recipe.name, &*kept);
    for (size_t i = 0; i < weights_.size(); ++i) {
      ASSERT_EQ(q.levels[i] == 0, weights_[i] == 0) << recipe.name << " " << i;
    }
  }
}

TEST_F(ChooseCodesTest, DenseTypesRunUnderEveryRecipe) {
  for (const Recipe& recipe : Recipes()) {
    for (const TensorType type :
         {TensorType::kW2, TensorType::kW3, TensorType::kW4, TensorType::kW8}) {
      const auto q = ChooseCodes(recipe, type, matrix(), nullptr,
                                 recipe.calibrates() ? &inputs_ : nullptr, pool_);
      ASSERT_TRUE(q) << recipe.name;
      EXPECT_EQ(q->type, type);
      EXPECT_TRUE(PackMatrix(*q));
    }
  }
}

TEST_F(ChooseCodesTest, FreeCodebooksLoseLessThanTheOtherTwoBits) {
  const auto error = [&](std::string_view recipe) {
    return RelativeError(matrix(), inputs_.h, Dequantize(Choose(recipe, nullptr)), pool_).value();
  };
  EXPECT_LT(error("joint-free"), 0.85 * error("joint"));
  EXPECT_LT(error("joint-free"), error("dense-w2"));
}

TEST(Recipes, TakeAFreeCodebookWhereTheyCan) {
  const auto with = [](std::string_view name, std::string_view codebook) {
    return WithCodebook(**RecipeByName(name), codebook);
  };
  EXPECT_EQ((*with("tuned", "free"))->name, "tuned-free");
  EXPECT_EQ((*with("tuned-free", "free"))->name, "tuned-free");
  EXPECT_EQ((*with("wanda-gptq", "2:4"))->name, "wanda-gptq");
  EXPECT_FALSE(with("wanda-gptq", "free"));
  EXPECT_FALSE(with("joint", "2:8"));
}

TEST(Recipes, AreFoundByNameAndAlias) {
  for (const Recipe& recipe : Recipes()) EXPECT_EQ(*RecipeByName(recipe.name), &recipe);
  EXPECT_EQ((*RecipeByName("rtn"))->name, "magnitude-nearest");
  EXPECT_EQ(DefaultRecipe().name, "tuned");
  const auto unknown = RecipeByName("best");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().remedy.find("sparsegpt-gptq"), std::string::npos);
}

TEST(Recipes, OnlyNearestWithoutInputsNeedsNoCalibration) {
  for (const Recipe& recipe : Recipes()) {
    EXPECT_EQ(recipe.calibrates(), recipe.name != "magnitude-nearest") << recipe.name;
  }
}

}  // namespace
}  // namespace accllm
