#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "Vaxi_lite_registers.h"
#include "accel/rtl/stall.h"
#include "spec/accelerator.h"
#include "tests/rtl/argument_offsets.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

namespace registers = isa::registers;
constexpr uint32_t kChannels = 3;

// The host's side of AXI4-Lite, with stalls on all channels.
class AxiLiteRegisters : public testing::Test {
 protected:
  void SetUp() override {
    dut_->aw_valid_i = dut_->w_valid_i = dut_->ar_valid_i = 0;
    dut_->b_ready_i = dut_->r_ready_i = 0;
    dut_->done_i = 0;
    dut_.Reset();
  }

  void Write(uint32_t address, uint32_t data, uint32_t strobe = 0xF) {
    bool address_waits = true, data_waits = true, response_waits = true;
    bool address_offered = false, data_offered = false;
    for (int i = 0; i < 500 && (address_waits || data_waits || response_waits); ++i) {
      address_offered = address_waits && (address_offered || !stall_());
      data_offered = data_waits && (data_offered || !stall_());
      dut_->aw_valid_i = address_offered;
      dut_->aw_address_i = address;
      dut_->w_valid_i = data_offered;
      dut_->w_data_i = data;
      dut_->w_strobe_i = strobe;
      dut_->b_ready_i = !stall_();
      dut_.Settle();
      if (dut_->aw_valid_i && dut_->aw_ready_o) address_waits = false;
      if (dut_->w_valid_i && dut_->w_ready_o) data_waits = false;
      if (dut_->b_valid_o && dut_->b_ready_i) {
        EXPECT_FALSE(address_waits || data_waits) << "a response before its write";
        EXPECT_EQ(dut_->b_response_o, 0);
        response_waits = false;
      }
      Edge();
    }
    EXPECT_FALSE(response_waits) << "no response";
    dut_->aw_valid_i = dut_->w_valid_i = dut_->b_ready_i = 0;
  }

  uint32_t Read(uint32_t address) {
    bool address_waits = true;
    dut_->ar_address_i = address;
    for (int i = 0; i < 500; ++i) {
      dut_->ar_valid_i = address_waits;
      dut_->r_ready_i = !stall_();
      dut_.Settle();
      const bool came = dut_->r_valid_o && dut_->r_ready_i;
      const uint32_t data = dut_->r_data_o;
      if (dut_->ar_valid_i && dut_->ar_ready_o) address_waits = false;
      EXPECT_EQ(dut_->r_response_o, 0);
      Edge();
      dut_->r_ready_i = 0;
      if (came) return data;
    }
    ADD_FAILURE() << "no data";
    return 0;
  }

  void Write64(uint32_t address, uint64_t data) {
    Write(address, static_cast<uint32_t>(data));
    Write(address + 4, data >> 32);
  }

  void Edge() {
    starts_ += dut_->start_o;
    dut_.Edge();
  }

  // One cycle in which nothing is asked.
  void Quiet() {
    dut_->ar_valid_i = 0;
    dut_.Settle();
    Edge();
  }

  void Done() {
    dut_->done_i = 1;
    Quiet();
    dut_->done_i = 0;
  }

  // 32-bit word number `i` of arguments_o.
  uint32_t Argument(size_t i) { return dut_->arguments_o[i]; }

  Bench<Vaxi_lite_registers> dut_;
  Stall stall_{9};
  int starts_ = 0;
};

constexpr uint32_t kStart = 1, kDone = 2, kIdle = 4, kReady = 8, kRestart = 0x80;

TEST_F(AxiLiteRegisters, MemoryPointersReachTheirChannels) {
  for (uint32_t i = 0; i < kChannels; ++i) {
    Write64(registers::kMemory + registers::kMemoryStride * i, 0x1122334455660000 + i);
  }
  Quiet();
  for (uint32_t i = 0; i < kChannels; ++i) {
    EXPECT_EQ(Bits(dut_->memory_o, 64 * i, 64), 0x1122334455660000 + i);
    const uint32_t offset = registers::kMemory + registers::kMemoryStride * i;
    EXPECT_EQ(Read(offset), 0x55660000 + i);
    EXPECT_EQ(Read(offset + 4), 0x11223344);
  }
}

TEST_F(AxiLiteRegisters, ArgumentsReachTheKernelInTheOrderOfTheRecord) {
  // Each word holds its own offset.
  const std::vector<uint32_t> offsets = ArgumentOffsets();
  for (uint32_t offset : offsets) Write(offset, 0xA5000000 | offset);
  Quiet();
  for (size_t i = 0; i < offsets.size(); ++i) {
    EXPECT_EQ(Argument(i), 0xA5000000 | offsets[i]) << "word " << i;
    EXPECT_EQ(Read(offsets[i]), 0xA5000000 | offsets[i]);
  }
}

TEST_F(AxiLiteRegisters, StrobesChooseBytes) {
  Write(registers::kNTokens, 0x11223344);
  Write(registers::kNTokens, 0xAABBCCDD, 0x5);
  EXPECT_EQ(Read(registers::kNTokens), 0x11BB33DD);
  EXPECT_EQ(Argument(2 + 1 + sizeof(isa::Geometry) / 4 + 2), 0x11BB33DD);
}

TEST_F(AxiLiteRegisters, StatusIsRead) {
  const std::array<uint32_t, 12> offsets = {registers::kState,
                                            registers::kError,
                                            registers::kFailedInstruction,
                                            registers::kFailedChannel,
                                            registers::kCycles,
                                            registers::kCycles + 4,
                                            registers::kCyclesStreaming,
                                            registers::kCyclesStreaming + 4,
                                            registers::kCyclesMemoryStalls,
                                            registers::kCyclesMemoryStalls + 4,
                                            registers::kCyclesVectorStalls,
                                            registers::kCyclesVectorStalls + 4};
  for (size_t i = 0; i < offsets.size(); ++i) dut_->status_i[i] = 0x5A000000 + i;
  for (size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(Read(offsets[i]), 0x5A000000 + i);
  Write(registers::kState, 7);  // not the host's
  EXPECT_EQ(Read(registers::kState), 0x5A000000);
}

TEST_F(AxiLiteRegisters, APassIsStartedOnceAndEnds) {
  EXPECT_EQ(Read(registers::kControl), kIdle);
  Write(registers::kControl, kStart);
  Quiet();
  EXPECT_EQ(starts_, 1);
  EXPECT_EQ(Read(registers::kControl), kStart) << "until it is ready for the next";
  for (int i = 0; i < 20; ++i) Quiet();
  Done();
  EXPECT_EQ(Read(registers::kControl), kDone | kIdle | kReady);
  EXPECT_EQ(Read(registers::kControl), kIdle) << "reading clears done and ready";
  EXPECT_EQ(starts_, 1);
}

TEST_F(AxiLiteRegisters, RestartsByItselfIfAsked) {
  Write(registers::kControl, kStart | kRestart);
  Quiet();
  for (int pass = 1; pass <= 3; ++pass) {
    EXPECT_EQ(starts_, pass);
    Done();
    Quiet();
  }
  Write(registers::kControl, 0);
  Quiet();
  const int before = starts_;
  Done();
  for (int i = 0; i < 5; ++i) Quiet();
  EXPECT_EQ(starts_, before);
  EXPECT_EQ(Read(registers::kControl), kDone | kIdle | kReady);
}

TEST_F(AxiLiteRegisters, InterruptsWhenEnabledUntilItIsAcknowledged) {
  Write(registers::kControl, kStart);
  Done();
  Quiet();
  EXPECT_FALSE(dut_->interrupt_o);
  EXPECT_EQ(Read(registers::kInterruptStatus), 0) << "not enabled";
  Write(registers::kGlobalInterrupt, 1);
  Write(registers::kInterruptEnable, 1);
  Write(registers::kControl, kStart);
  Quiet();
  Done();
  Quiet();
  EXPECT_TRUE(dut_->interrupt_o);
  EXPECT_EQ(Read(registers::kInterruptStatus), 1);
  Write(registers::kInterruptStatus, 1);
  Quiet();
  EXPECT_FALSE(dut_->interrupt_o);
  EXPECT_EQ(Read(registers::kGlobalInterrupt), 1);
  EXPECT_EQ(Read(registers::kInterruptEnable), 1);
}

TEST_F(AxiLiteRegisters, AResetStopsAPass) {
  Write(registers::kControl, kStart);
  Quiet();
  dut_.Reset();
  EXPECT_EQ(Read(registers::kControl), kIdle);
}

}  // namespace
}  // namespace accllm::rtl
