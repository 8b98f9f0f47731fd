#include "kernels/linear/linear.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>

#include "base/fp16.h"
#include "kernels/kernel_table.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using format::TensorType;
using testing::FirstDifference;
using testing::Random;
using testing::SupportedIsas;

constexpr TensorType kTypes[] = {TensorType::kW2S24, TensorType::kW2Free, TensorType::kW2,
                                 TensorType::kW3,    TensorType::kW4,     TensorType::kW8};

// A random matrix: its levels and multipliers in the open, and packed.
struct TestMatrix {
  std::vector<int8_t> levels;        // [padded rows, padded cols]
  std::vector<uint8_t> multipliers;  // [padded rows, padded cols / 32]
  std::vector<uint8_t> blocks;
  std::vector<float> row_scales;
  std::vector<int32_t> row_sums;
  std::unique_ptr<Codebook> codebook;
  PackedMatrix view;

  int64_t padded_cols() const { return view.n_blocks * format::kBlockWeights; }
};

Codebook RandomCodebook(Random& random) {
  Codebook codebook;
  for (auto& levels : codebook.levels) {
    for (int8_t& level : levels) level = static_cast<int8_t>(random.Integer(-8, 8));
  }
  return codebook;
}

void FillRow(TensorType type, const Codebook& codebook, Random& random, uint8_t* row,
             int8_t* levels) {
  if (IsCoded(type)) {
    for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
      const auto code = static_cast<uint8_t>(random.Integer(0, 127));
      WriteCode(row, g, code);
      const std::array<int8_t, 4> weights = codebook.Decode(code);
      std::copy(weights.begin(), weights.end(), levels + 4 * g);
    }
    return;
  }
  const DenseLevels dense = DenseLevelsOf(type);
  for (int64_t k = 0; k < format::kBlockWeights; ++k) {
    const int64_t level = random.Integer(-dense.max, dense.max);
    levels[k] = static_cast<int8_t>(dense.odd_only ? level | 1 : level);
  }
  EncodeDenseBlockRow(type, levels, row);
}

TestMatrix MakeMatrix(TensorType type, int64_t rows, int64_t cols, Random& random) {
  TestMatrix m;
  m.view.type = type;
  if (type == TensorType::kW2Free) {
    m.codebook = std::make_unique<Codebook>(RandomCodebook(random));
    m.view.codebook = m.codebook.get();
  }
  m.view.rows = rows;
  m.view.cols = cols;
  m.view.n_blocks = RoundUp(cols, format::kBlockWeights) / format::kBlockWeights;
  const int64_t padded_rows = RoundUp(rows, format::kTileRows);
  const int64_t max_multiplier = MaxMultiplier(type, cols);
  m.levels.resize(static_cast<size_t>(padded_rows * m.padded_cols()));
  m.multipliers.resize(m.levels.size() / format::kGroupWeights);
  m.blocks.resize(static_cast<size_t>(m.view.n_tiles() * m.view.n_blocks * TileBlockBytes(type)));
  for (int64_t row = 0; row < padded_rows; ++row) {
    for (int64_t block = 0; block < m.view.n_blocks; ++block) {
      const BlockPlace place = PlaceOfBlock(type, m.view.n_blocks, row, block);
      const int64_t first = row * m.padded_cols() + block * format::kBlockWeights;
      FillRow(type, *m.view.codebook, random, m.blocks.data() + place.row_offset,
              m.levels.data() + first);
      for (int64_t q = 0; q < format::kGroupsPerBlock; ++q) {
        const auto multiplier = static_cast<uint8_t>(random.Integer(0, max_multiplier));
        m.blocks[static_cast<size_t>(place.multipliers_offset + q)] = multiplier;
        m.multipliers[static_cast<size_t>(first / format::kGroupWeights + q)] = multiplier;
      }
    }
  }
  m.row_scales = random.Floats(padded_rows);
  m.view.blocks = m.blocks.data();
  m.view.row_scales = m.row_scales.data();
  m.row_sums.resize(static_cast<size_t>(padded_rows));
  RowSums(ScalarTileKernels(), m.view, 0, m.view.n_tiles(), m.row_sums.data());
  m.view.row_sums = m.row_sums.data();
  return m;
}

// Random activations with the extremes in them, and their codes.
struct TestActivations {
  std::vector<int8_t> values;  // [n_tokens, padded cols]
  std::vector<uint8_t> codes;
  std::vector<float> scales;
  QuantizedRows view;
};

TestActivations MakeActivations(int64_t n_tokens, int64_t n_blocks, Random& random) {
  TestActivations a;
  const int64_t n = n_tokens * n_blocks * format::kBlockWeights;
  for (int64_t k = 0; k < n; ++k) {
    const int64_t value = random.Integer(-150, 150);
    a.values.push_back(static_cast<int8_t>(std::clamp<int64_t>(value, -127, 127)));
  }
  a.codes.resize(a.values.size());
  for (int64_t k = 0; k < n; ++k) {
    const int64_t block = k / 256;
    const int64_t at = block * 256 + 64 * (k % 4) + k % 256 / 4;
    a.codes[static_cast<size_t>(at)] = static_cast<uint8_t>(a.values[static_cast<size_t>(k)] + 128);
  }
  a.scales = random.Floats(n_tokens);
  a.view = {a.codes.data(), a.scales.data(), n_tokens, n_blocks};
  return a;
}

std::vector<uint8_t> Arranged(const TileKernels& kernels, const QuantizedRows& x) {
  std::vector<uint8_t> arranged(static_cast<size_t>(ArrangedBytes(x.n_tokens, x.n_blocks)));
  Arrange(kernels, x, arranged.data());
  return arranged;
}

std::vector<float> RunLinear(const TileKernels& kernels, const TestMatrix& w,
                             const TestActivations& x) {
  std::vector<float> y(static_cast<size_t>(x.view.n_tokens * w.view.rows), -1.0F);
  Linear(kernels, w.view, x.view, 0, w.view.n_tiles(), y.data(), w.view.rows);
  return y;
}

// The same with arranged activations.
std::vector<float> RunLinearInPanels(const TileKernels& kernels, const TestMatrix& w,
                                     TestActivations x) {
  const std::vector<uint8_t> arranged = Arranged(kernels, x.view);
  x.view.arranged = arranged.data();
  return RunLinear(kernels, w, x);
}

// The definition, from levels, in 64 bits.
std::vector<float> ExpectedLinear(const TestMatrix& w, const TestActivations& x) {
  std::vector<float> y;
  const auto cols = static_cast<size_t>(w.padded_cols());
  for (size_t t = 0; t < static_cast<size_t>(x.view.n_tokens); ++t) {
    for (size_t row = 0; row < static_cast<size_t>(w.view.rows); ++row) {
      int64_t acc = 0;
      for (size_t k = 0; k < cols; ++k) {
        const size_t at = row * cols + k;
        acc += int64_t{w.levels[at]} * w.multipliers[at / 32] * x.values[t * cols + k];
      }
      y.push_back(static_cast<float>(acc) * (w.row_scales[row] * x.scales[t]));
    }
  }
  return y;
}

TEST(Linear, ScalarEqualsTheDefinition) {
  Random random(1);
  for (const TensorType type : kTypes) {
    for (const int64_t cols : {1, 255, 256, 257, 4096}) {
      for (const int64_t rows : {1, 3, 8, 9}) {
        const TestMatrix w = MakeMatrix(type, rows, cols, random);
        const TestActivations x = MakeActivations(3, w.view.n_blocks, random);
        EXPECT_EQ(FirstDifference(RunLinear(ScalarTileKernels(), w, x), ExpectedLinear(w, x)), -1)
            << TileBlockBytes(type) << " " << rows << "x" << cols;
      }
    }
  }
}

TEST(Linear, EveryIsaEqualsScalar) {
  Random random(2);
  for (const TensorType type : kTypes) {
    for (const auto& [cols, rows, n_tokens] : {std::tuple{1, 1, 1},
                                               {255, 3, 8},
                                               {256, 8, 17},
                                               {257, 9, 2},
                                               {11008, 9, 17},
                                               {300, 203, 1},
                                               {300, 139, 70}}) {
      const TestMatrix w = MakeMatrix(type, rows, cols, random);
      const TestActivations x = MakeActivations(n_tokens, w.view.n_blocks, random);
      const std::vector<float> expected = RunLinear(ScalarTileKernels(), w, x);
      for (const Isa isa : SupportedIsas()) {
        const TileKernels& kernels = KernelsFor(isa).tile;
        EXPECT_EQ(FirstDifference(RunLinear(kernels, w, x), expected), -1)
            << IsaName(isa) << " " << TileBlockBytes(type) << " " << rows << "x" << cols;
        if (kernels.arrange == nullptr) continue;
        EXPECT_EQ(FirstDifference(RunLinearInPanels(kernels, w, x), expected), -1)
            << IsaName(isa) << " " << TileBlockBytes(type) << " " << rows << "x" << cols;
      }
    }
  }
}

TEST(Linear, PartsOfTheTilesMakeTheWhole) {
  Random random(3);
  const TestMatrix w = MakeMatrix(TensorType::kW8, 300, 1500, random);  // more than one panel
  const TestActivations x = MakeActivations(9, w.view.n_blocks, random);
  for (const Isa isa : SupportedIsas()) {
    const TileKernels& kernels = KernelsFor(isa).tile;
    const std::vector<float> whole = RunLinear(kernels, w, x);
    std::vector<float> parts(whole.size());
    Linear(kernels, w.view, x.view, 0, 5, parts.data(), w.view.rows);
    Linear(kernels, w.view, x.view, 5, 5, parts.data(), w.view.rows);
    Linear(kernels, w.view, x.view, 5, w.view.n_tiles(), parts.data() + w.view.RowOfTile(5),
           w.view.rows);
    EXPECT_EQ(FirstDifference(parts, whole), -1) << IsaName(isa);
  }
}

// `free` is the codebook of w2-free. tiles: as many as there are blocks for. codes: arranged for
// the kernels of panels.
std::vector<int32_t> RunTiles(const KernelsOfTypes& kernels, TensorType type, const Codebook& free,
                              const std::vector<uint8_t>& tiles, int64_t n_blocks,
                              const std::vector<uint8_t>& codes, int64_t n_tokens) {
  const int64_t n_tiles = std::ssize(tiles) / (n_blocks * TileBlockBytes(type));
  const Codebook& codebook = type == TensorType::kW2Free ? free : kCodebook24;
  std::vector<int32_t> raw(static_cast<size_t>(n_tiles * n_tokens * format::kTileRows + 1), 12345);
  kernels.For(type)({tiles.data(), n_tiles, n_blocks}, codebook, codes.data(), n_tokens,
                    raw.data());
  EXPECT_EQ(raw.back(), 12345);  // nothing is written beyond the tokens asked for
  return raw;
}

void ExpectEveryIsaEqualsScalar(TensorType type, const Codebook& free,
                                const std::vector<uint8_t>& tiles, int64_t n_blocks,
                                const std::vector<uint8_t>& codes, int64_t n_tokens) {
  const auto run = [&](const KernelsOfTypes& kernels, const std::vector<uint8_t>& tokens) {
    return RunTiles(kernels, type, free, tiles, n_blocks, tokens, n_tokens);
  };
  const auto expected = run(ScalarTileKernels(), codes);
  for (const Isa isa : SupportedIsas()) {
    const TileKernels& kernels = KernelsFor(isa).tile;
    EXPECT_EQ(run(kernels, codes), expected) << IsaName(isa);
    if (kernels.panel.For(type) == nullptr) continue;
    const QuantizedRows x = {codes.data(), nullptr, n_tokens, n_blocks};
    EXPECT_EQ(run(kernels.panel, Arranged(kernels, x)), expected) << IsaName(isa) << ", panel";
  }
}

// Any bytes at all: invalid codes, levels -8 and -128, multipliers and activations 0..255.
TEST(TileKernels, EveryIsaEqualsScalarOnAnyBytes) {
  Random random(4);
  const Codebook codebook = RandomCodebook(random);
  for (const TensorType type : kTypes) {
    for (const int64_t n_blocks : {1, 2, 9, 16, 43}) {
      const int64_t n_tiles = n_blocks < 10 ? 3 : 1;
      const std::vector<uint8_t> tiles = random.Bytes(n_tiles * n_blocks * TileBlockBytes(type));
      for (const int64_t n_tokens : {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 64}) {
        SCOPED_TRACE(
            fmt::format("{}, {} blocks, {} tokens", TileBlockBytes(type), n_blocks, n_tokens));
        const std::vector<uint8_t> codes = random.Bytes(n_tokens * n_blocks * 256);
        ExpectEveryIsaEqualsScalar(type, codebook, tiles, n_blocks, codes, n_tokens);
      }
    }
  }
}

// Every level at its largest, multiplier 255, every activation the same: sums wrap modulo 2^32.
TEST(TileKernels, EveryIsaEqualsScalarAtTheExtremes) {
  Codebook codebook;  // 8 and -8 in all combinations of signs
  for (size_t code = 0; code < format::kCodes; ++code) {
    for (size_t j = 0; j < 4; ++j) {
      codebook.levels[j][code] = static_cast<int8_t>((code >> j & 1U) != 0 ? -8 : 8);
    }
  }
  for (const TensorType type : kTypes) {
    for (const uint8_t weight_byte : {0x00, 0x77, 0x7F, 0x80, 0x81, 0x88, 0xFF}) {
      std::vector<uint8_t> tile(static_cast<size_t>(40 * TileBlockBytes(type)), weight_byte);
      for (int64_t block = 0; block < 40; ++block) {
        for (int64_t row = 0; row < format::kTileRows; ++row) {
          const BlockPlace place = PlaceOfBlock(type, 40, row, block);
          std::fill_n(tile.data() + place.multipliers_offset, 8, 255);
        }
      }
      for (const uint8_t code : {0, 1, 128, 255}) {
        const std::vector<uint8_t> codes(40 * 256 * 8, code);
        for (const int64_t n_tokens : {1, 8}) {
          SCOPED_TRACE(fmt::format("{}, bytes {}, activations {}, {} tokens", TileBlockBytes(type),
                                   weight_byte, code, n_tokens));
          ExpectEveryIsaEqualsScalar(type, codebook, tile, 40, codes, n_tokens);
        }
      }
    }
  }
}

// One code in an otherwise empty block.
int32_t RawOfOneCode(TileKernel kernel, const Codebook& codebook, uint8_t code, int64_t place,
                     const std::array<uint8_t, 4>& activations) {
  std::array<uint8_t, 512> tile = {};
  std::fill_n(tile.begin() + 56, 8, uint8_t{1});
  WriteCode(tile.data(), place, code);
  std::array<uint8_t, 256> codes = {};
  for (size_t j = 0; j < 4; ++j) codes[64 * j + static_cast<size_t>(place)] = activations[j];
  std::array<int32_t, 8> raw;
  kernel({tile.data(), 1, 1}, codebook, codes.data(), 1, raw.data());
  return raw[0];
}

TEST(TileKernels, EveryCodeInEveryPlaceDecodesLikeTheCodec) {
  constexpr std::array<uint8_t, 4> kActivations = {7, 57, 107, 157};
  Random random(6);
  const Codebook free = RandomCodebook(random);
  for (const Isa isa : SupportedIsas()) {
    const TileKernels& kernels = KernelsFor(isa).tile;
    for (uint8_t code = 0; code < format::kCodes; ++code) {
      for (int64_t g = 0; g < format::kCodesPerBlock; ++g) {
        const auto expected = [&](const Codebook& codebook) {
          int32_t sum = 0;
          for (size_t j = 0; j < 4; ++j) sum += codebook.levels[j][code] * kActivations[j];
          return sum;
        };
        ASSERT_EQ(RawOfOneCode(kernels.w2s24, kCodebook24, code, g, kActivations),
                  expected(kCodebook24))
            << IsaName(isa) << " code " << int{code} << " place " << g;
        ASSERT_EQ(RawOfOneCode(kernels.w2free, free, code, g, kActivations), expected(free))
            << IsaName(isa) << " code " << int{code} << " place " << g;
      }
    }
  }
}

TEST(RowSums, EqualTheSumOfMultiplierTimesLevel) {
  Random random(5);
  for (const TensorType type : kTypes) {
    const TestMatrix w = MakeMatrix(type, 9, 1000, random);
    for (const Isa isa : SupportedIsas()) {
      std::vector<int32_t> sums(16);
      RowSums(KernelsFor(isa).tile, w.view, 0, 2, sums.data());
      for (size_t row = 0; row < 16; ++row) {
        int64_t expected = 0;
        for (size_t k = 0; k < 1024; ++k) {
          const size_t at = row * 1024 + k;
          expected += int64_t{w.levels[at]} * w.multipliers[at / 32];
        }
        EXPECT_EQ(sums[row], expected) << IsaName(isa) << " " << row;
      }
    }
  }
}

TEST(DotF16, EveryIsaEqualsScalarAndIsCloseToTheExactSum) {
  Random random(6);
  for (const int64_t n : {1, 2, 15, 16, 17, 31, 255, 2048, 4095}) {
    const std::vector<float> x = random.Floats(n);
    std::vector<uint16_t> row;
    double expected = 0.0;
    for (const float w : random.Floats(n)) {
      row.push_back(FloatToHalf(w));
      expected += static_cast<double>(HalfToFloat(row.back())) * x[row.size() - 1];
    }
    const float scalar = DotF16Scalar(row.data(), x.data(), n);
    EXPECT_NEAR(scalar, expected, 1e-4 * std::sqrt(static_cast<double>(n)));
    for (const Isa isa : SupportedIsas()) {
      EXPECT_TRUE(testing::SameFloat(KernelsFor(isa).dot_f16(row.data(), x.data(), n), scalar))
          << IsaName(isa) << " " << n;
    }
  }
}

TEST(DotF16, EveryIsaEqualsScalarOnAnyBits) {
  Random random(7);
  for (const float special : testing::SpecialFloats()) {
    const std::vector<float> x = testing::FloatsWith(random, 33, special);
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::vector<uint16_t> row;
      for (int i = 0; i < 33; ++i) row.push_back(static_cast<uint16_t>(random.Integer(0, 65535)));
      const float scalar = DotF16Scalar(row.data(), x.data(), 33);
      for (const Isa isa : SupportedIsas()) {
        EXPECT_TRUE(testing::SameFloat(KernelsFor(isa).dot_f16(row.data(), x.data(), 33), scalar));
      }
    }
  }
}

}  // namespace
}  // namespace accllm::kernels
