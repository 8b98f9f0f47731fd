#include "packed/tensor_layout.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

using format::TensorType;

TEST(TensorLayout, LabelsRoundTrip) {
  for (const auto& entry : format::kTensorTypeLabels) {
    EXPECT_EQ(*TensorTypeFromLabel(entry.label), entry.value);
  }
  const auto unknown = TensorTypeFromLabel("w5");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().remedy.find("w2-2:4"), std::string::npos);
}

TEST(TensorLayout, SizesOfEachType) {
  EXPECT_EQ(LayOutTensor(TensorType::kF16, 3, 5)->data_bytes, 30);
  EXPECT_EQ(LayOutTensor(TensorType::kF32, 1, 256)->data_bytes, 1024);
  // 9 rows are two tiles, 257 columns two blocks.
  EXPECT_EQ(LayOutTensor(TensorType::kW2S24, 9, 257)->weight_bytes, 2 * 2 * 8 * 64);
  EXPECT_EQ(LayOutTensor(TensorType::kW2S24, 9, 257)->codebook_offset, 0);
  const auto free = LayOutTensor(TensorType::kW2Free, 9, 257);
  EXPECT_EQ(free->weight_bytes, 2 * 2 * 8 * 64);
  EXPECT_EQ(free->codebook_offset, free->scales_offset + 64);
  EXPECT_EQ(free->data_bytes, free->codebook_offset + 512);
  EXPECT_EQ(LayOutTensor(TensorType::kW2, 9, 257)->weight_bytes, 2 * 2 * (64 + 8 * 64));
  EXPECT_EQ(LayOutTensor(TensorType::kW3, 9, 257)->weight_bytes, 2 * 2 * (64 + 8 * 96));
  EXPECT_EQ(LayOutTensor(TensorType::kW4, 9, 257)->weight_bytes, 2 * 2 * (64 + 8 * 128));
  EXPECT_EQ(LayOutTensor(TensorType::kW8, 9, 257)->weight_bytes, 2 * 2 * (64 + 8 * 256));
  EXPECT_EQ(LayOutTensor(TensorType::kW8, 9, 257)->scales_offset % 64, 0);
}

TEST(TensorLayout, RefusesImpossibleShapes) {
  EXPECT_FALSE(LayOutTensor(TensorType::kF16, 0, 5));
  EXPECT_FALSE(LayOutTensor(TensorType::kF16, 5, -1));
  EXPECT_FALSE(LayOutTensor(TensorType::kF32, int64_t{1} << 40, 5));
  EXPECT_FALSE(LayOutTensor(TensorType::kW8, 8, 100000));  // an accumulator could overflow
}

}  // namespace
}  // namespace accllm
