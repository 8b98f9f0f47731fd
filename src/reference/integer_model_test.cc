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
TEST(IntegerModel, CloseToTheFloatPassWithSimulatedPrecision) {
  const std::string path = accllm::testing::UniquePath("integer_close.acc");
  const ModelConfig config = accllm::testing::TinyPackedConfig();
  ASSERT_TRUE(accllm::testing::WriteTinyModel(config, path, 11));
  const PackedFile packed = *PackedFile::Open(path);
  const auto weights = *WeightsOf(packed);
  const AttentionWindow window = {4, 16};
  auto integer = IntegerModel::Load(packed, window);
  ASSERT_TRUE(integer) << integer.error().ToString();
  FloatModel real(*weights, window, {true, true});
  FloatModel exact(*weights, window);
  std::mt19937 rng(3);
  std::vector<int32_t> tokens(50);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % 61);
  const size_t size = tokens.size() * 61;
  std::vector<float> a(size);
  std::vector<float> b(size);
  std::vector<float> c(size);
  ASSERT_TRUE((*integer)->Append(tokens, 50, a.data()));
  ASSERT_TRUE(real.Append(tokens, 50, b.data()));
  ASSERT_TRUE(exact.Append(tokens, 50, c.data()));
  double to_simulated = 0;
  double to_exact = 0;
  double norm = 0;
  for (size_t i = 0; i < size; ++i) {
    to_simulated += std::pow(a[i] - b[i], 2);
    to_exact += std::pow(a[i] - c[i], 2);
    norm += std::pow(c[i], 2);
  }
  EXPECT_LT(std::sqrt(to_exact / norm), 0.5);
  EXPECT_LT(std::sqrt(to_simulated / norm), 0.1);
  EXPECT_GT(std::sqrt(to_exact / norm), 1e-4);  // it is quantised, after all
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace accllm::reference
