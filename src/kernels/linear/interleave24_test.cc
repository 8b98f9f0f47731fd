#include "kernels/linear/interleave24.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/kernel_table.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using format::TensorType;
using testing::FirstDifference;
using testing::Random;

// Those that have a kernel for interleaved tiles.
std::vector<Isa> InterleavingIsas() {
  std::vector<Isa> isas = testing::SupportedIsas();
  std::erase_if(isas, [](Isa isa) { return KernelsFor(isa).tile.w2s24_interleaved == nullptr; });
  return isas;
}

// A matrix in the file's order and interleaved; any bytes are a valid one.
struct BothOrders {
  BothOrders(int64_t rows, int64_t cols, Random& random) {
    view.rows = rows;
    view.cols = cols;
    view.n_blocks = RoundUp(cols, format::kBlockWeights) / format::kBlockWeights;
    const int64_t tile_bytes = view.kernel_bytes();
    blocks = random.Bytes(view.n_tiles() * tile_bytes);
    row_scales = random.Floats(RoundUp(rows, format::kTileRows));
    row_sums.resize(row_scales.size());
    view.blocks = blocks.data();
    view.row_scales = row_scales.data();
    view.row_sums = row_sums.data();
    RowSums(ScalarTileKernels(), view, 0, view.n_tiles(), row_sums.data());
    turned_view = view;
    turned_view.is_interleaved = true;
    for (int64_t tile = 0; tile < view.n_tiles(); tile += 4) {
      turned.resize(turned.size() + static_cast<size_t>(turned_view.kernel_bytes()));
      Interleave24(blocks.data() + tile * tile_bytes, std::min<int64_t>(4, view.n_tiles() - tile),
                   view.n_blocks, turned.data() + turned.size() - turned_view.kernel_bytes());
    }
    turned_view.blocks = turned.data();
  }

  std::vector<uint8_t> blocks;
  std::vector<uint8_t> turned;
  std::vector<float> row_scales;
  std::vector<int32_t> row_sums;
  PackedMatrix view;
  PackedMatrix turned_view;
};

TEST(Interleave24, PutsEveryCodeAndMultiplierInItsPlace) {
  Random random(1);
  for (const int64_t rows : {8, 24, 40}) {
    const BothOrders m(rows, 600, random);
    const int64_t n_blocks = m.view.n_blocks;
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t four = 0; four < n_blocks * format::kCodesPerBlock; ++four) {
        const BlockPlace place = PlaceOfBlock(TensorType::kW2S24, n_blocks, row, four / 64);
        const uint8_t* group = m.turned.data() +
                               row / kInterleavedRows * InterleavedTileBytes(n_blocks) +
                               four / 8 * kInterleavedGroupBytes;
        const int64_t r = row % kInterleavedRows;
        const int64_t v = four % 8;
        const auto byte = [&](int64_t k, int64_t four_of_pair) {
          return unsigned{group[128 * (r / 16) + 32 * k + 2 * (r % 16) + four_of_pair]};
        };
        const int64_t shift = v / 2 % 2 * 4;
        const unsigned levels = byte(v / 4, v % 2) >> shift & 0xFU;
        const unsigned pattern = byte(2 + v / 4, v % 2) >> shift & 7U;
        const unsigned code = pattern << 4U | levels;
        unsigned multiplier = 0;
        for (int64_t bit = 0; bit < 8; ++bit) {
          multiplier |= (byte(2 + bit / 2 % 2, bit % 2) >> (bit < 4 ? 3 : 7) & 1U) << bit;
        }
        ASSERT_EQ(multiplier,
                  m.blocks[static_cast<size_t>(place.multipliers_offset + four / 8 % 8)]);
        ASSERT_EQ(code, ReadCode(m.blocks.data() + place.row_offset, four % 64));
      }
    }
  }
}

TEST(Interleave24, RowsThatAreNotThereAreZero) {
  Random random(2);
  const BothOrders m(8, 256, random);
  for (size_t group = 0; group < m.turned.size(); group += kInterleavedGroupBytes) {
    for (int64_t row = 8; row < kInterleavedRows; ++row) {
      for (int64_t k = 0; k < 4; ++k) {
        const int64_t at = 128 * (row / 16) + 32 * k + 2 * (row % 16);
        ASSERT_EQ(m.turned[group + static_cast<size_t>(at)], 0U);
        ASSERT_EQ(m.turned[group + static_cast<size_t>(at) + 1], 0U);
      }
    }
  }
}

class InterleavedLinear : public ::testing::Test {
 protected:
  static std::vector<float> Run(const TileKernels& kernels, const PackedMatrix& w,
                                const QuantizedRows& x, std::initializer_list<int64_t> cuts = {}) {
    std::vector<float> y(static_cast<size_t>(x.n_tokens * w.rows), -1.0F);
    int64_t begin = 0;
    for (const int64_t cut : cuts) {
      Linear(kernels, w, x, begin, cut, y.data() + w.RowOfTile(begin), w.rows);
      begin = cut;
    }
    Linear(kernels, w, x, begin, w.n_tiles(), y.data() + w.RowOfTile(begin), w.rows);
    return y;
  }

  QuantizedRows Activations(int64_t n_tokens, int64_t n_blocks) {
    codes_ = random_.Bytes(n_tokens * n_blocks * format::kBlockWeights);
    scales_ = random_.Floats(n_tokens);
    return {codes_.data(), scales_.data(), n_tokens, n_blocks};
  }

  Random random_{3};
  std::vector<uint8_t> codes_;
  std::vector<float> scales_;
};

// Any bytes at all: invalid codes, multipliers and activations 0..255.
TEST_F(InterleavedLinear, EqualsScalarOnTheFilesOrder) {
  for (const int64_t rows : {1, 8, 31, 32, 33, 100}) {
    for (const int64_t cols : {1, 256, 257, 4096}) {
      const BothOrders m(rows, cols, random_);
      for (const int64_t n_tokens : {1, 2, 3, 4, 5, 6, 7, 8, 17}) {
        const QuantizedRows x = Activations(n_tokens, m.view.n_blocks);
        const std::vector<float> expected = Run(ScalarTileKernels(), m.view, x);
        for (const Isa isa : InterleavingIsas()) {
          EXPECT_EQ(FirstDifference(Run(KernelsFor(isa).tile, m.turned_view, x), expected), -1)
              << IsaName(isa) << " " << rows << "x" << cols << " " << n_tokens;
        }
      }
    }
  }
}

TEST_F(InterleavedLinear, EqualsScalarAtTheExtremes) {
  for (const uint8_t weights : {0x00, 0x55, 0x7F, 0xAA, 0xFF}) {
    BothOrders m(32, 11008, random_);
    std::fill(m.blocks.begin(), m.blocks.end(), weights);
    for (int64_t row = 0; row < 32; ++row) {
      for (int64_t block = 0; block < m.view.n_blocks; ++block) {
        const BlockPlace place = PlaceOfBlock(TensorType::kW2S24, m.view.n_blocks, row, block);
        std::fill_n(m.blocks.begin() + place.multipliers_offset, 8, uint8_t{255});
      }
    }
    Interleave24(m.blocks.data(), 4, m.view.n_blocks, m.turned.data());
    for (const uint8_t code : {0, 1, 255}) {
      QuantizedRows x = Activations(8, m.view.n_blocks);
      std::fill(codes_.begin(), codes_.end(), code);
      const std::vector<float> expected = Run(ScalarTileKernels(), m.view, x);
      for (const Isa isa : InterleavingIsas()) {
        EXPECT_EQ(FirstDifference(Run(KernelsFor(isa).tile, m.turned_view, x), expected), -1);
      }
    }
  }
}

TEST_F(InterleavedLinear, PartsOfTheTilesMakeTheWhole) {
  const BothOrders m(300, 512, random_);
  const QuantizedRows x = Activations(9, m.view.n_blocks);
  for (const Isa isa : InterleavingIsas()) {
    const TileKernels& kernels = KernelsFor(isa).tile;
    const std::vector<float> whole = Run(kernels, m.turned_view, x);
    for (const auto& cuts : {std::initializer_list<int64_t>{1}, {4, 8}, {5, 5, 7}, {2, 37}, {38}}) {
      EXPECT_EQ(FirstDifference(Run(kernels, m.turned_view, x, cuts), whole), -1);
    }
  }
}

TEST(PackedMatrix, AnInterleavedTileBelongsToThePartWithItsFirstRows) {
  PackedMatrix m;
  m.rows = 70;
  m.is_interleaved = true;
  EXPECT_EQ(m.RowOfTile(0), 0);
  EXPECT_EQ(m.RowOfTile(1), 32);
  EXPECT_EQ(m.RowOfTile(4), 32);
  EXPECT_EQ(m.RowOfTile(5), 64);
  EXPECT_EQ(m.RowOfTile(9), 70);
  m.is_interleaved = false;
  EXPECT_EQ(m.RowOfTile(5), 40);
  EXPECT_EQ(m.RowOfTile(9), 70);
}

}  // namespace
}  // namespace accllm::kernels
