#include <array>
#include <cstdint>
#include <random>

#include "Vram_1w1r.h"
#include "Vram_1w1r_be.h"
#include "Vram_narrow.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kDepth = 24;

// Drives random reads and writes of RAMs whose word is 32 bits. `byte_mask` is what a write
// changes.
template <class Model, class SetMask>
void CompareWithArray(SetMask set_mask) {
  Bench<Model> bench;
  Model& dut = bench.model();
  std::mt19937 random(7);
  std::array<uint32_t, kDepth> memory = {};
  uint32_t expected = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool fill = i < kDepth;
    dut.we_i = fill || random() % 2;
    dut.waddr_i = fill ? i : random() % kDepth;
    dut.wdata_i = random();
    const uint32_t mask = set_mask(dut, fill ? 0xF : random() % 16);
    dut.re_i = i >= kDepth && random() % 4 != 0;
    // Often the word that is being written.
    dut.raddr_i = random() % 2 ? dut.waddr_i : random() % kDepth;
    if (dut.re_i) expected = memory[dut.raddr_i];
    if (dut.we_i) {
      uint32_t& word = memory[dut.waddr_i];
      word = (word & ~mask) | (dut.wdata_i & mask);
    }
    bench.Settle();
    bench.Edge();
    if (i > kDepth) {
      ASSERT_EQ(dut.rdata_o, expected) << "cycle " << i;
    }
    if (!dut.re_i && i <= kDepth) expected = dut.rdata_o;
  }
}

TEST(Ram1w1r, EqualsAnArrayAndReadsTheOldWord) {
  CompareWithArray<Vram_1w1r>([](Vram_1w1r&, uint32_t) { return ~uint32_t{0}; });
}

TEST(Ram1w1rBe, ChangesTheNamedBytesAlone) {
  CompareWithArray<Vram_1w1r_be>([](Vram_1w1r_be& dut, uint32_t bytes) {
    dut.be_i = bytes;
    uint32_t mask = 0;
    for (int i = 0; i < 4; ++i) mask |= bytes >> i & 1 ? uint32_t{0xFF} << 8 * i : 0;
    return mask;
  });
}

TEST(RamNarrow, GivesPartsOfWords) {
  constexpr int kWidth = 6, kParts = 4, kWords = 32;
  Bench<Vram_narrow> bench;
  Vram_narrow& dut = bench.model();
  std::mt19937 random(8);
  std::array<uint32_t, kWords> words = {};
  for (int i = 0; i < 20000; ++i) {
    const bool fill = i < kWords;
    dut.we_i = fill || random() % 2;
    dut.waddr_i = fill ? i : random() % kWords;
    dut.wdata_i = random() % (1 << kWidth * kParts);
    // Any word but the one that is being written.
    dut.raddr_i = (dut.waddr_i + 1 + random() % (kWords - 1)) % kWords;
    dut.part_i = random() % kParts;
    const uint32_t expected = words[dut.raddr_i] >> kWidth * dut.part_i & ((1 << kWidth) - 1);
    if (dut.we_i) words[dut.waddr_i] = dut.wdata_i;
    bench.Settle();
    bench.Edge();
    if (i > kWords) {
      ASSERT_EQ(dut.rdata_o, expected) << "cycle " << i;
    }
  }
}

}  // namespace
}  // namespace accllm::rtl
