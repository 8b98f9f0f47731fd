#include "reference/integer_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "packed/testing/tiny_model.h"
#include "reference/float_model.h"

namespace accllm::reference {
namespace {

// The integer pass computes what the float pass on the dequantised weights computes, up to the
// rounding of activations, cache and softmax: close, for every tensor type and with the window in
// use.
// Relative distance of the integer model's logits from a float pass, over models and positions.
double DistanceFromFloat(SimulatedPrecision precision, int64_t rank = 0) {
  const ModelConfig config = accllm::testing::TinyPackedConfig();
  std::vector<TensorPlan> plan = accllm::testing::TinyPlan(config);
  if (rank > 0) plan = accllm::testing::WithLowRank(plan, rank);
  const AttentionWindow window = {4, 16};
  std::mt19937 rng(3);
  std::vector<int32_t> tokens(50);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % 61);
  std::vector<float> a(tokens.size() * 61);
  std::vector<float> b(a.size());
  double difference = 0;
  double norm = 0;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    const std::string path = accllm::testing::UniquePath("integer_close.acc");
    EXPECT_TRUE(accllm::testing::WriteTinyModel(config, path, seed, plan));
    const PackedFile packed = *PackedFile::Open(path);
    const auto weights = *WeightsOf(packed);
    auto integer = IntegerModel::Load(packed, window);
    EXPECT_TRUE(integer) << integer.error().ToString();
    FloatModel real(*weights, window, precision);
    EXPECT_TRUE((*integer)->Append(tokens, 50, a.data()));
    EXPECT_TRUE(real.Append(tokens, 50, b.data()));
    for (size_t i = 0; i < a.size(); ++i) {
      difference += std::pow(a[i] - b[i], 2);
      norm += std::pow(b[i], 2);
    }
    std::filesystem::remove(path);
  }
  return std::sqrt(difference / norm);
}

TEST(IntegerModel, CloseToTheFloatPassWithSimulatedPrecision) {
  const double to_exact = DistanceFromFloat({});
  const double to_simulated = DistanceFromFloat({.a8 = true, .kv4 = true});
  EXPECT_LT(to_exact, 0.5);
  EXPECT_GT(to_exact, 1e-4);  // it is quantised, after all
  EXPECT_LT(to_simulated, 0.1);
  EXPECT_LT(to_simulated, 0.4 * to_exact);
}

// The rounding between the two products of a low-rank part is not simulated; it is small.
TEST(IntegerModel, LowRankPartsAreCloseToTheFloatPass) {
  EXPECT_LT(DistanceFromFloat({.a8 = true, .kv4 = true}, 6), 0.12);
}

}  // namespace
}  // namespace accllm::reference
