#include "accel/timing/dsp_engine.h"

#include <gtest/gtest.h>

#include <vector>

namespace accllm::accel {
namespace {

isa::Geometry SmallGeometry() {
  isa::Geometry g = {};
  g.heads = 8;
  g.kv_heads = 4;
  g.head_dim = 128;
  g.lanes = 8;
  return g;
}

// Three cores of two channels; each multiplies 64 pairs a cycle.
DspArray SmallArray() {
  DspArray array;
  array.channels = 6;
  array.cores = 3;
  array.rows_together = 256;
  array.macs_per_cycle = 192;
  array.multiplied_share = 0.5;
  array.weight_bits = 4;
  array.cached_bits = 8;
  return array;
}

struct Sums {
  int64_t beats = 0;
  int64_t bytes = 0;
  int64_t cycles = 0;
  int64_t channels = 0;  // of the last beat
};

template <typename Visit>
Sums SumOf(const Visit& visit) {
  Sums sums;
  int64_t last = -1;
  visit([&](const EngineBeat& beat) {
    if (last >= 0) {
      EXPECT_EQ(beat.stripe, last + 1);
    }
    last = beat.stripe;
    ++sums.beats;
    sums.bytes += beat.channels * isa::kBeatBytes;
    sums.cycles += beat.cycles;
    sums.channels = beat.channels;
    EXPECT_GE(beat.cycles, 1);
  });
  return sums;
}

isa::Instruction Matrix(uint32_t rows, uint32_t blocks) {
  isa::Instruction i = {};
  i.rows = rows;
  i.blocks = blocks;
  return i;
}

TEST(DspEngine, ARoundIsAGroupOfRowsForEachCore) {
  const DspEngine engine(SmallGeometry(), SmallArray());
  EXPECT_EQ(engine.RowsOfRound(), 768);
  const isa::Instruction matrix = Matrix(1000, 4);
  const Sums first = SumOf([&](const OnBeat& f) { engine.Round(matrix, 0, 1, f); });
  EXPECT_EQ(first.bytes, 768 * 1024 / 2);
  EXPECT_EQ(first.channels, 6);
  // 256 rows of 1024 columns, half of them pruned, 64 a cycle.
  EXPECT_EQ(first.cycles, 256 * 512 / 64);
  // 232 rows are left, for one core and its channels; they take as long as 256.
  const Sums rest = SumOf([&](const OnBeat& f) { engine.Round(matrix, 1, 1, f); });
  EXPECT_EQ(rest.channels, 2);
  EXPECT_EQ(rest.bytes, 232 * 1024 / 2);
  EXPECT_EQ(rest.cycles, first.cycles);
  const Sums two = SumOf([&](const OnBeat& f) { engine.Round(matrix, 0, 2, f); });
  EXPECT_EQ(two.beats, first.beats);
  EXPECT_EQ(two.cycles, 2 * first.cycles);
}

TEST(DspEngine, ABeatTakesACycleHoweverManyDspsThereAre) {
  DspArray array = SmallArray();
  array.macs_per_cycle = 1e6;
  const DspEngine engine(SmallGeometry(), array);
  const Sums round = SumOf([&](const OnBeat& f) { engine.Round(Matrix(768, 4), 0, 1, f); });
  EXPECT_EQ(round.cycles, round.beats);
}

TEST(DspEngine, CoresWorkOnHeadsOfTheirOwn) {
  const DspEngine engine(SmallGeometry(), SmallArray());
  EXPECT_EQ(engine.HeadsTogether(), 3);
  const std::vector<SlotSpan> spans = {{0, 31}, {64, 127}};
  const isa::Instruction attend = {};
  // 96 slots of 128 values of 8 bits, two queries of each head.
  const Sums keys = SumOf([&](const OnBeat& f) { engine.Keys(attend, spans, 0, 2, f); });
  EXPECT_EQ(keys.bytes, 3 * 96 * 128);
  EXPECT_EQ(keys.cycles, 2 * 256 * 128 / 64);  // 96 rows take as long as 256
  const Sums last = SumOf([&](const OnBeat& f) { engine.Keys(attend, spans, 3, 2, f); });
  EXPECT_EQ(last.bytes, 96 * 128);
  EXPECT_EQ(last.channels, 2);
  const Sums values = SumOf([&](const OnBeat& f) { engine.Values(attend, spans, 0, 2, f); });
  EXPECT_EQ(values.bytes, keys.bytes);
  EXPECT_EQ(values.cycles, 2 * 96 * 256 / 64);  // 128 rows take as long as 256
}

TEST(DspEngine, ATokensKeysOrValuesAreWritten) {
  const DspEngine engine(SmallGeometry(), SmallArray());
  EXPECT_EQ(engine.Stored(3), 3 * 2);  // half a KiB over 6 channels, rounded up
}

}  // namespace
}  // namespace accllm::accel
