#include "compress/smoothing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "reference/float_ops.h"

namespace accllm {
namespace {

using reference::Linear;
using reference::Matrix;

std::vector<float> Random(int64_t n, std::mt19937& rng, float low = -1, float high = 1) {
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = uniform(rng);
  return values;
}

ModelConfig LayerConfig() {
  ModelConfig config;
  config.hidden_size = 24;
  config.intermediate_size = 20;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.head_dim = 8;
  return config;
}

FloatLayer RandomLayer(const ModelConfig& config, std::mt19937& rng) {
  FloatLayer layer;
  for (const VectorKind kind : kVectorKinds) {
    layer.vector(kind) = Random(SizeOfVector(config, kind), rng, 0.5F, 1.5F);
  }
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(config, kind);
    layer.linear(kind) = Random(shape.rows * shape.cols, rng, -0.3F, 0.3F);
  }
  return layer;
}

Matrix RunLayer(const ModelConfig& config, const FloatLayer& w, const Matrix& x) {
  const kernels::RopeFrequencies frequencies(config.head_dim, config.rope_theta);
  const auto head_norm = [&](Matrix heads, VectorKind kind) {
    return reference::HeadNorm(std::move(heads), w.vector(kind), config.rms_norm_eps);
  };
  reference::Context context;
  context.positions.resize(static_cast<size_t>(x.rows()));
  std::iota(context.positions.begin(), context.positions.end(), 0);
  const Matrix normed =
      reference::RmsNorm(x, w.vector(VectorKind::kInputLayernorm), config.rms_norm_eps);
  context.keys = reference::Rope(head_norm(Linear(normed, w, LinearKind::kK), VectorKind::kKNorm),
                                 context.positions, config.head_dim, frequencies);
  context.values = Linear(normed, w, LinearKind::kV);
  const Matrix attended = reference::Attention(
      head_norm(Linear(normed, w, LinearKind::kQ), VectorKind::kQNorm), context.positions, context,
      config, {0, AttentionWindow::kAll}, frequencies);
  const Matrix residual = x + Linear(attended, w, LinearKind::kO);
  const Matrix mlp = reference::RmsNorm(residual, w.vector(VectorKind::kPostAttentionLayernorm),
                                        config.rms_norm_eps);
  const Matrix hidden =
      reference::SiluMul(Linear(mlp, w, LinearKind::kGate), Linear(mlp, w, LinearKind::kUp));
  return residual + Linear(hidden, w, LinearKind::kDown);
}

RC_GTEST_PROP(Smoothing, FoldingLeavesTheLayerAsItIs, (uint32_t seed)) {
  std::mt19937 rng(seed);
  ModelConfig config = LayerConfig();
  config.has_qkv_bias = config.has_o_bias = config.has_mlp_bias = seed % 2 == 1;
  config.has_qk_norm = seed % 4 >= 2;
  const FloatLayer plain = RandomLayer(config, rng);
  FloatLayer folded = plain;
  const auto factors = [&](int64_t n) { return Random(n, rng, 0.2F, 5.0F); };
  FoldIntoNorm(factors(config.hidden_size), folded.vector(VectorKind::kInputLayernorm),
               {&folded.linear(LinearKind::kQ), &folded.linear(LinearKind::kK),
                &folded.linear(LinearKind::kV)});
  FoldIntoNorm(factors(config.hidden_size), folded.vector(VectorKind::kPostAttentionLayernorm),
               {&folded.linear(LinearKind::kGate), &folded.linear(LinearKind::kUp)});
  FoldIntoValues(config, factors(config.kv_size()), folded);
  FoldIntoUp(factors(config.intermediate_size), folded);
  const std::vector<float> input = Random(6 * config.hidden_size, rng);
  const Matrix x = Eigen::Map<const Matrix>(input.data(), 6, config.hidden_size);
  const Matrix expected = RunLayer(config, plain, x);
  RC_ASSERT((RunLayer(config, folded, x) - expected).cwiseAbs().maxCoeff() < 1e-4F);
  for (const LinearKind kind : kLinearKinds) {
    RC_ASSERT(folded.linear(kind) != plain.linear(kind));
  }
}

TEST(Smoothing, FactorsFollowTheMaximaWithGeometricMeanOne) {
  const std::vector<float> factors =
      SmoothingFactors(std::vector<float>{16, 1, 4}, std::vector<float>{1, 1, 1}, {0.5F, 8.0F});
  EXPECT_FLOAT_EQ(factors[0], 2.0F);
  EXPECT_FLOAT_EQ(factors[1], 0.5F);
  EXPECT_FLOAT_EQ(factors[2], 1.0F);
}

TEST(Smoothing, DeadChannelsStayAndExtremeFactorsAreClamped) {
  const std::vector<float> factors = SmoothingFactors(
      std::vector<float>{0, 1e8F, 1, 1, 1}, std::vector<float>{1, 1, 0, 1, 1}, {1.0F, 8.0F});
  EXPECT_EQ(factors[0], 1.0F);
  EXPECT_EQ(factors[1], 8.0F);
  EXPECT_EQ(factors[2], 1.0F);
  EXPECT_EQ(factors[3], 1.0F / 8.0F);
}

TEST(Smoothing, AlphaZeroEvensTheWeightColumns) {
  const std::vector<float> factors =
      SmoothingFactors(std::vector<float>{5, 7}, std::vector<float>{4, 1}, {0.0F, 8.0F});
  EXPECT_FLOAT_EQ(factors[0] * 4, factors[1] * 1);
}

TEST(Smoothing, MaximaOfColumnsAndHeadGroups) {
  std::vector<float> maxima = {0, 5};
  UpdateColumnMaxima(std::vector<float>{1, -2, -3, 4}, maxima);
  EXPECT_EQ(maxima, (std::vector<float>{3, 5}));
  ModelConfig config = LayerConfig();
  config.head_dim = 2;
  EXPECT_EQ(MaximaPerKvHead(config, std::vector<float>{1, 2, 3, 0, 5, 6, 4, 8}),
            (std::vector<float>{3, 2, 5, 8}));
}

}  // namespace
}  // namespace accllm
