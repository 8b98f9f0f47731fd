// A card without one: the kernel's registers and channels in front of the functional device.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "accel/card/card_port.h"
#include "accel/functional/functional_device.h"
#include "base/index.h"

namespace accllm::testing {

// What a test makes of a kernel, and sees of it.
struct FakeCardState {
  uint32_t error = 0;  // that the next pass ends with
  bool hangs = false;  // starts and never ends
  bool is_busy = false;
  int64_t n_started = 0;
  uint64_t address_offset = 0;  // of every buffer from where a page begins
};

class FakeCard final : public accel::CardPort {
 public:
  static constexpr int64_t kCyclesOfPass = (int64_t{1} << 32) + 5;

  FakeCard(int64_t n_channels, FakeCardState& state)
      : channels_(Index(n_channels)), state_(&state) {}

  int64_t n_channels() const override { return std::ssize(channels_); }

  Status WriteRegister(uint32_t offset, uint32_t value) override {
    if (offset == isa::registers::kControl) {
      EXPECT_EQ(value, 1U);
      EXPECT_FALSE(state_->is_busy);
      return Start();
    }
    EXPECT_TRUE(offset >= isa::registers::kMemory && offset < isa::registers::kState) << offset;
    registers_[offset] = value;
    return {};
  }

  // Done is cleared by reading.
  Result<uint32_t> ReadRegister(uint32_t offset) override {
    if (offset != isa::registers::kControl) return registers_[offset];
    const uint32_t control = state_->is_busy ? 1U : 4U | (std::exchange(is_done_, false) ? 2U : 0U);
    return control;
  }

  Result<uint64_t> Allocate(int64_t channel, size_t n_bytes) override {
    std::vector<uint8_t>& memory = channels_[Index(channel)];
    EXPECT_TRUE(memory.empty());
    memory.assign(n_bytes, 0xAA);  // what was there before
    return AddressOf(channel);
  }
  Status Write(int64_t channel, size_t offset, std::span<const uint8_t> bytes) override {
    std::vector<uint8_t>& memory = channels_[Index(channel)];
    EXPECT_LE(offset + bytes.size(), memory.size());
    std::copy(bytes.begin(), bytes.end(), &memory[offset]);
    return {};
  }
  Status Read(int64_t channel, size_t offset, std::span<uint8_t> bytes) override {
    const std::vector<uint8_t>& memory = channels_[Index(channel)];
    EXPECT_LE(offset + bytes.size(), memory.size());
    std::copy_n(&memory[offset], bytes.size(), bytes.begin());
    return {};
  }

 private:
  uint64_t AddressOf(int64_t channel) const {
    return (static_cast<uint64_t>(channel) << 28) + 0x3000 + state_->address_offset;
  }
  uint64_t Wide(uint32_t offset) {
    return uint64_t{registers_[offset + 4]} << 32 | registers_[offset];
  }

  // The whole memory, stripe by stripe.
  std::vector<uint8_t> Stripes(const isa::Geometry& g) const {
    std::vector<uint8_t> bytes;
    for (size_t stripe = 0; stripe < g.stripes; ++stripe) {
      for (const std::vector<uint8_t>& memory : channels_) {
        const auto beat = memory.begin() + static_cast<int64_t>(stripe * isa::kBeatBytes);
        bytes.insert(bytes.end(), beat, beat + isa::kBeatBytes);
      }
    }
    return bytes;
  }

  // Everything the pass needs comes from registers and channels.
  Status Start() {
    ++state_->n_started;
    state_->is_busy = state_->hangs;
    registers_[isa::registers::kState] = state_->hangs ? 1 : 0;
    registers_[isa::registers::kError] = state_->error;
    registers_[isa::registers::kFailedInstruction] = 3;
    registers_[isa::registers::kFailedChannel] = 2;
    if (state_->hangs) return {};
    is_done_ = true;
    if (state_->error != 0) return {};
    std::array<uint32_t, sizeof(isa::Geometry) / 4> words;
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = registers_[isa::registers::kGeometry + 4 * static_cast<uint32_t>(i)];
    }
    const auto g = std::bit_cast<isa::Geometry>(words);
    EXPECT_EQ(g.lanes, channels_.size());
    for (int64_t i = 0; i < std::ssize(channels_); ++i) {
      const auto offset = static_cast<uint32_t>(i) * isa::registers::kMemoryStride;
      EXPECT_EQ(Wide(isa::registers::kMemory + offset), AddressOf(i));
    }
    if (!device_) ACCLLM_RETURN_IF_ERROR(MakeDevice(g));
    ACCLLM_RETURN_IF_ERROR(device_->WriteMemory(0, Stripes(g)));
    ACCLLM_RETURN_IF_ERROR(device_->Run({static_cast<int64_t>(Wide(isa::registers::kPosition)),
                                         registers_[isa::registers::kNTokens],
                                         registers_[isa::registers::kNOutputs]}));
    registers_[isa::registers::kCycles] = static_cast<uint32_t>(kCyclesOfPass);
    registers_[isa::registers::kCycles + 4] = static_cast<uint32_t>(kCyclesOfPass >> 32);
    return TakeMemory(g);
  }

  Status MakeDevice(const isa::Geometry& g) {
    const uint64_t first = Wide(isa::registers::kInstructions) - AddressOf(0);
    std::vector<isa::Instruction> instructions(registers_[isa::registers::kNInstructions]);
    std::vector<uint8_t> bytes(instructions.size() * sizeof(isa::Instruction));
    ACCLLM_RETURN_IF_ERROR(Read(0, first, bytes));
    std::memcpy(instructions.data(), bytes.data(), bytes.size());
    ACCLLM_RETURN_IF_ERROR(accel::CheckProgram(g, instructions, "the fake card"));
    ACCLLM_ASSIGN_OR_RETURN(device_,
                            accel::FunctionalDevice::Create(g, instructions, Stripes(g), 1));
    return {};
  }

  Status TakeMemory(const isa::Geometry& g) {
    std::vector<uint8_t> bytes(Stripes(g).size());
    ACCLLM_RETURN_IF_ERROR(device_->ReadMemory(0, bytes));
    for (size_t beat = 0; beat < bytes.size() / isa::kBeatBytes; ++beat) {
      std::copy_n(&bytes[beat * isa::kBeatBytes], isa::kBeatBytes,
                  &channels_[beat % g.lanes][beat / g.lanes * isa::kBeatBytes]);
    }
    return {};
  }

  std::vector<std::vector<uint8_t>> channels_;
  std::map<uint32_t, uint32_t> registers_;
  std::unique_ptr<accel::FunctionalDevice> device_;
  FakeCardState* state_;
  bool is_done_ = false;
};

}  // namespace accllm::testing
