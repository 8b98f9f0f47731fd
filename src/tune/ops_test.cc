#include "tune/ops.h"

#include <gtest/gtest.h>

#include "tune/testing/gradient_check.h"

namespace accllm::tune {
namespace {

using testing::ExpectGradient;
using testing::RandomMatrix;
using testing::RandomValues;
using testing::ValuesOf;
using testing::WeightedSum;

constexpr float kEps = 1e-5F;

class OpsTest : public ::testing::Test {
 protected:
  ThreadPool pool_{2};
};

TEST_F(OpsTest, LinearGradients) {
  Matrix x = RandomMatrix(5, 7, 1);
  std::vector<float> w = RandomValues(3 * 7, 2);
  std::vector<float> bias = RandomValues(3, 3);
  const WeightedSum loss(5, 3, 4);
  std::vector<float> dw(w.size());
  std::vector<float> dbias(bias.size());
  Matrix dx = LinearBackward(loss.gradient(), x, w, dw, dbias, pool_);
  const auto f = [&] { return loss(Linear(x, w, bias, pool_)); };
  ExpectGradient(ValuesOf(x), ValuesOf(dx), f, "x");
  ExpectGradient(w, dw, f, "w");
  ExpectGradient(bias, dbias, f, "bias");
}

TEST_F(OpsTest, BackwardAddsToWeightGradients) {
  const Matrix x = RandomMatrix(5, 7, 1);
  const std::vector<float> w = RandomValues(3 * 7, 2);
  const Matrix dy = RandomMatrix(5, 3, 4);
  std::vector<float> none;
  std::vector<float> once(w.size());
  LinearBackward(dy, x, w, once, none, pool_);
  std::vector<float> twice = once;
  LinearBackward(dy, x, w, twice, none, pool_);
  for (size_t i = 0; i < once.size(); ++i) EXPECT_FLOAT_EQ(twice[i], 2 * once[i]);
}

TEST_F(OpsTest, RmsNormGradientsOfRowsAndHeads) {
  for (const int64_t width : {12, 4}) {
    Matrix x = RandomMatrix(3, 12, 1);
    std::vector<float> weight = RandomValues(width, 2);
    const WeightedSum loss(3, 12, 3);
    std::vector<float> dweight(weight.size());
    Matrix dx = RmsNormBackward(loss.gradient(), x, weight, kEps, dweight, pool_);
    const auto f = [&] { return loss(RmsNorm(x, weight, kEps, pool_)); };
    ExpectGradient(ValuesOf(x), ValuesOf(dx), f, "x");
    ExpectGradient(weight, dweight, f, "weight");
  }
}

TEST_F(OpsTest, SiluMulGradients) {
  Matrix gate = RandomMatrix(3, 5, 1);
  Matrix up = RandomMatrix(3, 5, 2);
  const WeightedSum loss(3, 5, 3);
  SiluMulGradient d = SiluMulBackward(loss.gradient(), gate, up, pool_);
  const auto f = [&] { return loss(SiluMul(gate, up, pool_)); };
  ExpectGradient(ValuesOf(gate), ValuesOf(d.gate), f, "gate");
  ExpectGradient(ValuesOf(up), ValuesOf(d.up), f, "up");
}

ModelConfig AttentionConfig(int64_t sliding_window) {
  ModelConfig config;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.head_dim = 6;
  config.sliding_window = sliding_window;
  return config;
}

TEST_F(OpsTest, RotationGradientsAndInverse) {
  const RotaryTable table(AttentionConfig(0), 5);
  Matrix x = RandomMatrix(10, 24, 1);
  const Matrix before = x;
  const WeightedSum loss(10, 24, 2);
  Matrix dx = loss.gradient();
  RotateBackward(table, dx, pool_);
  const auto f = [&] {
    Matrix y = x;
    Rotate(table, y, pool_);
    return loss(y);
  };
  ExpectGradient(ValuesOf(x), ValuesOf(dx), f, "x");
  Rotate(table, x, pool_);
  EXPECT_GT((x - before).norm(), 1.0F);
  RotateBackward(table, x, pool_);
  EXPECT_LT((x - before).norm(), 1e-5F);
}

TEST_F(OpsTest, AttentionGradients) {
  for (const int64_t sliding_window : {0, 3}) {
    const ModelConfig config = AttentionConfig(sliding_window);
    Matrix q = RandomMatrix(10, 24, 1);
    Matrix k = RandomMatrix(10, 12, 2);
    Matrix v = RandomMatrix(10, 12, 3);
    const AttentionInput in = {q, k, v};
    const WeightedSum loss(10, 24, 4);
    AttentionGradient d = AttentionBackward(loss.gradient(), in, config, 5, pool_);
    const auto f = [&] { return loss(Attention(in, config, 5, pool_)); };
    ExpectGradient(ValuesOf(q), ValuesOf(d.q), f, "q");
    ExpectGradient(ValuesOf(k), ValuesOf(d.k), f, "k");
    ExpectGradient(ValuesOf(v), ValuesOf(d.v), f, "v");
  }
}

}  // namespace
}  // namespace accllm::tune
