#include <random>
#include <vector>

#include "Vactivation_buffer.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kSlots = 4;
constexpr int kBlocks = 4;
constexpr int kColumns = 256 * kBlocks;
constexpr int kRounds = kColumns / (8 * kLanes);

class ActivationBuffer : public testing::Test {
 protected:
  ActivationBuffer() : codes_(2 * kSlots * kColumns) {}

  int8_t& Code(int buffer, int slot, int column) {
    return codes_[(buffer * kSlots + slot) * kColumns + column];
  }

  void Write(int buffer, int slot, int round, int row) {
    dut_->we_i = 1;
    dut_->wbuffer_i = buffer;
    dut_->wtoken_i = slot;
    dut_->round_i = round;
    dut_->row_i = row;
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto code = static_cast<int8_t>(random_());
      Code(buffer, slot, 8 * (round * kLanes + lane) + row) = code;
      SetField(dut_->code_i, 8 * lane, 8, static_cast<uint8_t>(code));
    }
    dut_.Settle();
    dut_.Edge();
    dut_->we_i = 0;
  }

  // Reads an entry of half a block, while the other port is quiet.
  void Compare(int buffer, int block, int half, int entry, bool both, bool upper) {
    dut_->re_i = 1;
    dut_->rbuffer_i = buffer;
    dut_->block_i = block;
    dut_->half_i = half;
    dut_->entry_i = entry;
    dut_->both_i = both;
    dut_->upper_i = upper;
    for (int cycle = 0; cycle < 2; ++cycle) {
      dut_.Settle();
      dut_.Edge();
      dut_->re_i = 0;
      dut_->both_i = !both;
      dut_->upper_i = !upper;
      dut_->half_i = !half;
    }
    for (int byte = 0; byte < 32; ++byte) {
      for (int slot = 0; slot < kSlots; ++slot) {
        const int from = both ? slot % (kSlots / 2) + upper * (kSlots / 2) : slot;
        const auto code = static_cast<int8_t>(Field(dut_->line_o, 8 * (byte * kSlots + slot), 8));
        ASSERT_EQ(code, Code(buffer, from, 256 * block + 128 * half + 4 * byte + entry))
            << "block " << block << ", byte " << byte << ", slot " << slot;
      }
    }
  }

  Bench<Vactivation_buffer> dut_;
  std::mt19937 random_{1};
  std::vector<int8_t> codes_;  // [buffer][slot][column]
};

TEST_F(ActivationBuffer, GivesOperandsOfAllColumns) {
  dut_->we_i = 0;
  dut_->re_i = 0;
  for (int i = 0; i < 2 * kSlots * kRounds * 8; ++i) {
    Write(i % 2, i / 2 % kSlots, i / (2 * kSlots) % kRounds, i / (2 * kSlots * kRounds));
  }
  for (int i = 0; i < 4000; ++i) {
    Write(random_() % 2, random_() % kSlots, random_() % kRounds, random_() % 8);
    Compare(random_() % 2, random_() % kBlocks, random_() % 2, random_() % 4, random_() % 2,
            random_() % 2);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace accllm::rtl
