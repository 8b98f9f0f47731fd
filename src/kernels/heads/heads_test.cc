// The vector forms of what heads go through equal the scalar functions, bit for bit.
#include "kernels/heads/heads.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "kernels/kernel_table.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::Random;
using testing::SupportedIsas;

constexpr int64_t kHeadDims[] = {8,  12,  16,  20,  32,  48,  64,  80,
                                 96, 100, 112, 128, 160, 192, 256, 320};

// Heads as they come, and as they should not: all alike, one outlier, tiny, huge, not finite.
std::vector<std::vector<float>> Heads(int64_t head_dim, Random& random) {
  std::vector<std::vector<float>> heads;
  for (int i = 0; i < 40; ++i) heads.push_back(random.Floats(head_dim, i % 2 == 0 ? 1.0F : 0.03F));
  heads.emplace_back(head_dim, 0.0F);
  heads.emplace_back(head_dim, -0.0F);
  heads.emplace_back(head_dim, 2.5F);
  for (const float outlier : {100.0F, -3e5F, 3e38F, 1e-42F, std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
    heads.push_back(random.Floats(head_dim));
    heads.back()[static_cast<size_t>(random.Integer(0, head_dim - 1))] = outlier;
  }
  for (const float scale : {1e-40F, 1e-30F, 1e-6F, 1e6F, 1e30F}) {
    heads.push_back(random.Floats(head_dim));
    for (float& x : heads.back()) x *= scale;
  }
  // Halves of steps, where rounding to even shows.
  heads.emplace_back(head_dim, 0.0F);
  for (size_t i = 0; i < heads.back().size(); ++i) {
    heads.back()[i] = 0.5F * static_cast<float>(static_cast<int>(i % 31) - 15);
  }
  return heads;
}

class HeadKernelsTest : public ::testing::TestWithParam<Isa> {
 protected:
  const HeadKernels& kernels() const { return KernelsFor(GetParam()).heads; }
};

TEST_P(HeadKernelsTest, Hadamard) {
  Random random(1);
  for (const int64_t head_dim : kHeadDims) {
    for (const std::vector<float>& x : Heads(head_dim, random)) {
      std::vector<float> expected = x;
      std::vector<float> got = x;
      Hadamard(expected.data(), head_dim);
      kernels().hadamard(got.data(), head_dim);
      ASSERT_EQ(testing::FirstDifference(got, expected), -1) << head_dim;
    }
  }
}

TEST_P(HeadKernelsTest, QuantizeQuery) {
  Random random(2);
  for (const int64_t head_dim : kHeadDims) {
    const int64_t padded = KvPaddedDim(head_dim);
    for (const std::vector<float>& x : Heads(head_dim, random)) {
      std::vector<int8_t> expected(static_cast<size_t>(padded), 99);
      std::vector<int8_t> got(expected.size(), 77);
      std::vector<float> scales(2, -1.0F);
      QuantizeQuery(x.data(), head_dim, padded, expected.data(), &scales[0]);
      kernels().quantize_query(x.data(), head_dim, padded, got.data(), &scales[1]);
      ASSERT_EQ(got, expected) << head_dim;
      ASSERT_EQ(testing::FirstDifference({scales[1]}, {scales[0]}), -1) << head_dim;
    }
  }
}

TEST_P(HeadKernelsTest, QuantizeKv) {
  Random random(3);
  constexpr int64_t kStride = 3;  // groups lie apart in a cache
  for (const int64_t head_dim : kHeadDims) {
    for (const std::vector<float>& x : Heads(head_dim, random)) {
      std::vector<uint8_t> codes[2];
      std::vector<uint8_t> groups[2];
      uint16_t scales[2] = {1, 2};
      for (size_t i = 0; i < 2; ++i) {
        codes[i].assign(static_cast<size_t>(KvPaddedDim(head_dim) / 2), 0xAB);
        groups[i].assign(static_cast<size_t>(KvGroups(head_dim) * kStride), 0xCD);
      }
      QuantizeKv(x.data(), head_dim, {codes[0].data(), &scales[0], groups[0].data(), kStride});
      kernels().quantize_kv(x.data(), head_dim,
                            {codes[1].data(), &scales[1], groups[1].data(), kStride});
      ASSERT_EQ(codes[1], codes[0]) << head_dim;
      ASSERT_EQ(groups[1], groups[0]) << head_dim;
      ASSERT_EQ(scales[1], scales[0]) << head_dim;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, HeadKernelsTest, ::testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) {
                           std::string name(IsaName(info.param));
                           std::erase(name, '-');  // GoogleTest takes letters and digits
                           return name;
                         });

}  // namespace
}  // namespace accllm::kernels
