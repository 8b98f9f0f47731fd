#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "accel/rtl/axi_memory.h"
#include "accel/rtl/channel_pins.h"
#include "spec/accelerator.h"
#include "tests/rtl/argument_offsets.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {

// What the status registers say when a pass is done.
struct KernelStatus {
  isa::KernelState state;
  isa::KernelError error;
  uint32_t failed_instruction, failed_channel;
  uint64_t cycles, streaming, memory_stalls, vector_stalls;
};

// A row that the vector unit wrote or put out.
struct KernelRow {
  uint32_t token, row, addr;
  uint64_t lanes;  // a bit for each that is written
  bool is_output;
  std::vector<uint32_t> floats;  // [lane]
};

// The vector unit begins with an instruction.
struct KernelJob {
  uint32_t index;
  int64_t cycle;
};

// A kernel with its memory channels, and the host that writes its registers.
template <class Model, int kLanes>
class KernelHost {
 public:
  // Channels of so many bytes, each somewhere else.
  KernelHost(size_t bytes, bool stalls) {
    for (int lane = 0; lane < kLanes; ++lane) {
      AxiMemoryOptions options;
      options.base = Base(lane);
      options.bytes = bytes;
      options.jitter = stalls ? 30 : 0;
      options.stalls = stalls;
      options.seed = 17 + lane;
      memories_.push_back(std::make_unique<AxiMemory>(
          options, [](const std::string& breach) { ADD_FAILURE() << breach; }));
    }
    dut_->aw_valid_i = dut_->w_valid_i = dut_->b_ready_i = 0;
    dut_->ar_valid_i = dut_->r_ready_i = 0;
    Reset();
  }

  void Reset() {
    for (auto& memory : memories_) memory->Reset();
    dut_->m_ar_ready_i = dut_->m_r_valid_i = dut_->m_aw_ready_i = 0;
    dut_->m_w_ready_i = dut_->m_b_valid_i = 0;
    dut_.Reset();
    for (int i = 0; i < 4; ++i) Cycle();  // a wrapper's reset comes later
    rows_.clear();
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
      const uint32_t offset = isa::registers::kMemory + isa::registers::kMemoryStride * lane;
      Write(offset, static_cast<uint32_t>(Base(lane)));
      Write(offset + 4, static_cast<uint32_t>(Base(lane) >> 32));
    }
  }

  Model& model() { return dut_.model(); }
  AxiMemory& memory(int lane) { return *memories_[lane]; }
  static uint64_t Base(int lane) { return 0x4000'0000 + uint64_t{0x1000'0000} * lane; }

  // Bytes from a stripe on, over all lanes.
  void WriteStripes(int64_t stripe, std::span<const uint8_t> bytes) {
    for (size_t at = 0; at < bytes.size(); at += isa::kBeatBytes) {
      const size_t beat = at / isa::kBeatBytes;
      std::memcpy(&memories_[beat % kLanes]->bytes()[(stripe + beat / kLanes) * isa::kBeatBytes],
                  &bytes[at], isa::kBeatBytes);
    }
  }
  std::vector<uint8_t> ReadStripes(int64_t stripe, int64_t n) const {
    std::vector<uint8_t> bytes(n * kLanes * isa::kBeatBytes);
    for (size_t at = 0; at < bytes.size(); at += isa::kBeatBytes) {
      const size_t beat = at / isa::kBeatBytes;
      std::memcpy(&bytes[at],
                  &memories_[beat % kLanes]->bytes()[(stripe + beat / kLanes) * isa::kBeatBytes],
                  isa::kBeatBytes);
    }
    return bytes;
  }

  // Instructions behind the program's stripes, and all arguments but those of a pass.
  void Load(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions) {
    const uint64_t at = uint64_t{geometry.stripes} * isa::kBeatBytes;
    std::memcpy(&memories_[0]->bytes()[at], instructions.data(), instructions.size_bytes());
    Write(isa::registers::kInstructions, static_cast<uint32_t>(Base(0) + at));
    Write(isa::registers::kInstructions + 4, static_cast<uint32_t>((Base(0) + at) >> 32));
    Write(isa::registers::kNInstructions, static_cast<uint32_t>(instructions.size()));
    uint32_t words[sizeof(isa::Geometry) / 4];
    std::memcpy(words, &geometry, sizeof(geometry));
    for (uint32_t i = 0; i < std::size(words); ++i)
      Write(isa::registers::kGeometry + 4 * i, words[i]);
  }

  void Start(uint32_t n_tokens, uint32_t n_outputs, uint64_t position = 0) {
    Write(isa::registers::kPosition, static_cast<uint32_t>(position));
    Write(isa::registers::kPosition + 4, static_cast<uint32_t>(position >> 32));
    Write(isa::registers::kNTokens, n_tokens);
    Write(isa::registers::kNOutputs, n_outputs);
    Write(isa::registers::kControl, 1);
  }

  // Until the pass is done.
  KernelStatus Finish(int64_t max_cycles = 2'000'000) {
    const int64_t begin = dut_.cycles();
    while ((Read(isa::registers::kControl) & 2) == 0) {
      for (int i = 0; i < 20; ++i) Cycle();
      if (dut_.cycles() - begin > max_cycles) {
        ADD_FAILURE() << "the pass does not end; it is at instruction "
                      << Read(isa::registers::kFailedInstruction);
        break;
      }
    }
    return Status();
  }

  KernelStatus Status() {
    namespace registers = isa::registers;
    return {static_cast<isa::KernelState>(Read(registers::kState)),
            static_cast<isa::KernelError>(Read(registers::kError)),
            Read(registers::kFailedInstruction),
            Read(registers::kFailedChannel),
            Read64(registers::kCycles),
            Read64(registers::kCyclesStreaming),
            Read64(registers::kCyclesMemoryStalls),
            Read64(registers::kCyclesVectorStalls)};
  }

  std::deque<KernelRow>& rows() { return rows_; }
  // Instructions in the order in which they were begun, but for one with the index of the last one
  // before it.
  std::vector<KernelJob>& jobs() { return jobs_; }

  void Cycle() {
    for (int lane = 0; lane < kLanes; ++lane) {
      DriveChannel(dut_.model(), lane, memories_[lane]->Drive());
    }
    dut_.Settle();
    for (int lane = 0; lane < kLanes; ++lane) {
      memories_[lane]->Sample(SampleChannel(dut_.model(), lane));
    }
    Look();
    dut_.Edge();
  }

  void Write(uint32_t address, uint32_t data) {
    dut_->aw_valid_i = dut_->w_valid_i = 1;
    dut_->aw_address_i = address;
    dut_->w_data_i = data;
    dut_->w_strobe_i = 0xF;
    dut_->b_ready_i = 1;
    Cycle();  // taken at once, as nothing else is under way
    dut_->aw_valid_i = dut_->w_valid_i = 0;
    Cycle();
  }

  uint32_t Read(uint32_t address) {
    dut_->ar_valid_i = 1;
    dut_->ar_address_i = address;
    dut_->r_ready_i = 1;
    Cycle();
    dut_->ar_valid_i = 0;
    dut_.Settle();
    EXPECT_TRUE(dut_->r_valid_o);
    const uint32_t data = dut_->r_data_o;
    Cycle();
    return data;
  }

 private:
  uint64_t Read64(uint32_t address) { return Read(address) | uint64_t{Read(address + 4)} << 32; }

  void Look() {
    const uint32_t index = dut_->trace_result_index_o;
    if (jobs_.empty() || jobs_.back().index != index) jobs_.push_back({index, dut_.cycles()});
    if (!dut_->trace_valid_o) return;
    const uint32_t info = dut_->trace_value_o;
    KernelRow row = {info & 15,           info >> 4 & 7,   dut_->trace_addr_o,
                     dut_->trace_lanes_o, info >> 10 == 1, {}};
    for (int lane = 0; lane < kLanes; ++lane) {
      row.floats.push_back(static_cast<uint32_t>(Field(dut_->trace_floats_o, 32 * lane, 32)));
    }
    rows_.push_back(std::move(row));
  }

  Bench<Model> dut_;
  std::vector<std::unique_ptr<AxiMemory>> memories_;
  std::deque<KernelRow> rows_;
  std::vector<KernelJob> jobs_;
};

}  // namespace accllm::rtl
