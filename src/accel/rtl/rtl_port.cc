#include "accel/rtl/rtl_port.h"

#include <Vaccllm_device.h>
#include <fmt/format.h>
#include <verilated.h>

#include <algorithm>
#include <string>
#include <vector>

#include "accel/rtl/axi_memory.h"
#include "accel/rtl/channel_pins.h"
#include "base/index.h"
#include "spec/accelerator.h"

namespace accllm::accel {
namespace {

namespace registers = isa::registers;

constexpr int kLanes = ACCLLM_RTL_DEVICE_LANES;
constexpr int kSlots = ACCLLM_RTL_DEVICE_SLOTS;
constexpr uint64_t kChannelBytes = uint64_t{1} << 28;  // from one channel's addresses to the next
// At 225 MHz 178 ns; an idle HBM2 channel behind AMD's controller takes 107 to 138 (Shuhai).
constexpr int kLatency = 40;
// A look at `control` lets the kernel run: so long, in steps between which it may have ended.
constexpr int kLookCycles = 8192;
constexpr int kStepCycles = 64;

class RtlPort final : public CardPort {
 public:
  RtlPort() {
    context_.randReset(2);  // registers without a reset hold anything
    context_.randSeed(1);
    model_ = std::make_unique<Vaccllm_device>(&context_);
    model_->aw_valid_i = model_->w_valid_i = model_->b_ready_i = 0;
    model_->ar_valid_i = model_->r_ready_i = 0;
    memories_.resize(kLanes);
    for (int lane = 0; lane < kLanes; ++lane) MakeMemory(lane, 0);
    DriveChannels();
    model_->rst_ni = 0;  // meanwhile it may drive anything
    for (int i = 0; i < 3; ++i) {
      Settle();
      Edge();
    }
    model_->rst_ni = 1;
  }
  ~RtlPort() override { model_->final(); }

  int64_t n_channels() const override { return kLanes; }
  std::optional<int64_t> n_slots() const override { return kSlots; }
  CardNames names() const override {
    return {"the simulated kernel", "run it again: a simulation starts from its reset",
            fmt::format("compile the model for a target of {} lanes and {} slots{}", kLanes, kSlots,
                        kLanes == 2 && kSlots == 4 ? ": --target u280-small" : "")};
  }

  Status WriteRegister(uint32_t offset, uint32_t value) override {
    model_->aw_valid_i = model_->w_valid_i = model_->b_ready_i = 1;
    model_->aw_address_i = static_cast<SData>(offset);
    model_->w_data_i = value;
    model_->w_strobe_i = 0xF;
    Cycle();  // taken at once, as nothing else is under way
    model_->aw_valid_i = model_->w_valid_i = 0;
    Cycle();
    return CheckProtocol();
  }

  Result<uint32_t> ReadRegister(uint32_t offset) override {
    if (offset == registers::kControl) RunForALook();
    ACCLLM_RETURN_IF_ERROR(CheckProtocol());
    return ReadWord(offset);
  }

  Result<uint64_t> Allocate(int64_t channel, size_t n_bytes) override {
    MakeMemory(static_cast<int>(channel), n_bytes);
    return AddressOf(channel);
  }
  Status Write(int64_t channel, size_t offset, std::span<const uint8_t> bytes) override {
    std::copy(bytes.begin(), bytes.end(), BytesFrom(channel, offset));
    return {};
  }
  Status Read(int64_t channel, size_t offset, std::span<uint8_t> bytes) override {
    std::copy_n(BytesFrom(channel, offset), bytes.size(), bytes.begin());
    return {};
  }

 private:
  static uint64_t AddressOf(int64_t channel) {
    return static_cast<uint64_t>(channel) * kChannelBytes;
  }
  std::vector<uint8_t>::iterator BytesFrom(int64_t channel, size_t offset) {
    return memories_[Index(channel)]->bytes().begin() + static_cast<int64_t>(offset);
  }

  void MakeMemory(int lane, size_t n_bytes) {
    rtl::AxiMemoryOptions options;
    options.base = AddressOf(lane);
    options.bytes = (n_bytes + rtl::kAxiBeatBytes - 1) / rtl::kAxiBeatBytes * rtl::kAxiBeatBytes;
    options.latency = kLatency;
    options.stalls = false;
    memories_[Index(lane)] =
        std::make_unique<rtl::AxiMemory>(options, [this, lane](const std::string& breach) {
          if (breach_.empty()) breach_ = fmt::format("channel {}, {}", lane, breach);
        });
  }

  void DriveChannels() {
    for (int lane = 0; lane < kLanes; ++lane) {
      rtl::DriveChannel(*model_, lane, memories_[Index(lane)]->Drive());
    }
  }
  void Settle() {
    model_->clk_i = 0;
    model_->eval();
  }
  void Edge() {
    model_->clk_i = 1;
    model_->eval();
  }

  void Cycle() {
    DriveChannels();
    Settle();
    for (int lane = 0; lane < kLanes; ++lane) {
      memories_[Index(lane)]->Sample(rtl::SampleChannel(*model_, lane));
    }
    Edge();
  }

  uint32_t ReadWord(uint32_t offset) {
    model_->ar_valid_i = model_->r_ready_i = 1;
    model_->ar_address_i = static_cast<SData>(offset);
    Cycle();
    model_->ar_valid_i = 0;
    Settle();
    const uint32_t word = model_->r_data_o;
    Cycle();
    return word;
  }

  void RunForALook() {
    for (int i = 0; i < kLookCycles && IsRunning(); i += kStepCycles) {
      for (int cycle = 0; cycle < kStepCycles; ++cycle) Cycle();
    }
  }
  bool IsRunning() {
    return ReadWord(registers::kState) != static_cast<uint32_t>(isa::KernelState::kIdle);
  }

  Status CheckProtocol() const {
    if (breach_.empty()) return {};
    return Fail(ErrorCode::kIo,
                fmt::format("the simulated kernel broke the protocol of AXI: {}", breach_));
  }

  VerilatedContext context_;
  std::unique_ptr<Vaccllm_device> model_;
  std::vector<std::unique_ptr<rtl::AxiMemory>> memories_;  // by lane
  std::string breach_;                                     // the first
};

}  // namespace

Result<std::unique_ptr<CardPort>> OpenRtlPort() { return std::make_unique<RtlPort>(); }

}  // namespace accllm::accel
