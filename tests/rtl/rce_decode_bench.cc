#include <gtest/gtest.h>

#include <array>
#include <random>

#include "Vrce_decode.h"
#include "accel/rtl/field.h"
#include "base/block_codec.h"
#include "tests/rtl/rce_program.h"

namespace accllm::rtl {
namespace {

// rce_pkg::segment_t, as rce_control makes it.
struct Control {
  uint32_t low, high, low_clear, high_clear, format;
  uint32_t two_bit, pattern, upper, column, base;

  uint32_t Pack() const {
    uint32_t bits = low;
    const auto append = [&](uint32_t value, int width) { bits = bits << width | value; };
    append(high, 2);
    append(low_clear, 1);
    append(high_clear, 1);
    append(format, 2);
    append(0, 7);  // multipliers
    return bits;
  }
  // rce_pkg::choice_t, the same for all codes.
  uint32_t PackChoices() const {
    const uint32_t choice = two_bit << 7 | pattern << 6 | upper << 5 | column << 3 | base;
    return choice * 0x01010101;
  }
};

// What a position takes: a column of its four and a weight.
struct Position {
  int column = 0;
  int weight = 0;
};
using Positions = std::array<Position, 16>;

// Puts a constant word in and looks at all positions once the last one is there.
class Decode : public testing::Test {
 protected:
  void Expect(const Control& control, uint64_t word, bool one_digit, const Positions& expected) {
    dut_.clear_i = 0;
    dut_.control_i = control.Pack();
    dut_.choices_i = control.PackChoices();
    dut_.word_i = word;
    for (int i = 0; i < 6; ++i) {
      dut_.clk_i = 0;
      dut_.eval();
      dut_.clk_i = 1;
      dut_.eval();
    }
    for (int i = 0; i < 16; ++i) {
      const int digit0 = Digit(i, 0), digit1 = Digit(i, 1);
      const int weight = one_digit ? digit0 : digit0 + 3 * digit1;
      if (one_digit) {
        ASSERT_EQ(digit0, digit1);
      }
      ASSERT_EQ(weight, expected[i].weight) << "position " << i << ", word " << word;
      if (weight == 0) continue;
      ASSERT_EQ(Field(dut_.entry_o, 5 * i, 5), 4 * control.base + expected[i].column) << i;
    }
  }

 private:
  int Digit(int position, int which) {
    const int at = 2 * position + which;
    if (dut_.zero_o >> at & 1) return 0;
    const int magnitude = dut_.double_o >> at & 1 ? 2 : 1;
    return dut_.negate_o >> position & 1 ? -magnitude : magnitude;
  }

  Vrce_decode dut_;
};

int Nibble(uint64_t word, int i) { return static_cast<int>(word >> 4 * i & 0xF); }
int Signed(int nibble) { return (nibble ^ 8) - 8; }

TEST_F(Decode, Sparse24AllCodes) {
  for (uint64_t code = 0; code < 128; ++code) {
    uint64_t word = uint64_t{0xA5} << 56;
    for (int c = 0; c < 8; ++c) word |= (code + c) % 128 << 7 * c;
    Positions expected;
    for (int c = 0; c < 8; ++c) {
      const auto weights = DecodeCode24(static_cast<uint8_t>((code + c) % 128));
      int survivor = 0;
      for (int column = 0; column < 4; ++column) {
        if (weights[column] != 0) expected[2 * c + survivor++] = {column, weights[column]};
      }
    }
    Expect({0, 0, 0, 0, 0, 1, 1, 0, 3, 5}, word, true, expected);
    if (HasFatalFailure()) return;
  }
}

TEST_F(Decode, DenseAndCacheRandomWords) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t word = random();
    Positions dense2[2], dense4[2], dense8[4][2], offset;
    for (int p = 0; p < 16; ++p) {
      const int c = p / 2, s = p % 2;
      for (int half = 0; half < 2; ++half) {
        const int column = 2 * half + s;
        dense2[half][p] = {column, 2 * static_cast<int>(word >> (8 * c + 2 * column) & 3) - 3};
        dense4[half][p] = {column, Signed(Nibble(word, p))};
      }
      for (int beat = 0; beat < 4; ++beat) {
        // Low nibble first, then the high one, and what the low one borrowed.
        const int low = Signed(Nibble(word, 2 * c)), high = Signed(Nibble(word, 2 * c + 1));
        dense8[beat][0][p] = {beat, s == 0 ? low : 0};
        dense8[beat][1][p] = {beat, s == 0 ? (low < 0 ? 1 : 0) : high};
      }
      offset[p] = {2, Nibble(word, p) - 8};
    }
    Expect({1, 2, 0, 0, 1, 1, 0, 0, 2, 1}, word, false, dense2[0]);
    Expect({2, 3, 0, 0, 1, 1, 0, 1, 2, 1}, word, false, dense2[1]);
    for (uint32_t upper = 0; upper < 2; ++upper) {
      Expect({1, 1, 0, 0, 2, 0, 0, upper, 2, 2}, word, false, dense4[upper]);
    }
    for (uint32_t beat = 0; beat < 4; ++beat) {
      Expect({1, 1, 0, 1, 2, 0, 0, beat / 2, beat % 2, 3}, word, false, dense8[beat][0]);
      Expect({3, 1, 1, 0, 2, 0, 0, beat / 2, beat % 2, 3}, word, false, dense8[beat][1]);
    }
    Expect({1, 1, 0, 0, 3, 0, 0, 1, 0, 7}, word, false, offset);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace accllm::rtl
