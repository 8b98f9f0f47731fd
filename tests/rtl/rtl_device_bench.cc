// The simulated kernel as a device: logits of a model, and what it refuses.
#include <algorithm>
#include <cstring>

#include "accel/accelerated_model.h"
#include "accel/card/card_device.h"
#include "accel/functional/functional_device.h"
#include "accel/program/program_writer.h"
#include "accel/rtl/rtl_port.h"
#include "base/file_io.h"
#include "tests/rtl/kernel_program.h"

namespace accllm::rtl {
namespace {

using accel::AcceleratedModel;
using accel::CardDevice;
using accel::ProgramFile;

constexpr int64_t kLanes = ACCLLM_LANES;
constexpr int64_t kSlots = ACCLLM_SLOTS;

Result<std::unique_ptr<CardDevice>> MakeDevice(const ProgramFile& program) {
  ACCLLM_ASSIGN_OR_RETURN(auto port, accel::OpenRtlPort());
  return CardDevice::Create(program, std::move(port), std::chrono::minutes(10));
}

class RtlDevice : public ::testing::Test {
 protected:
  Result<ProgramFile> Compile(int64_t lanes, int64_t slots) const {
    return compiled_.Compile({testing::TestTarget(lanes, slots), AttentionWindow{4, 20}, 100});
  }

  std::string ErrorOfCreate(int64_t lanes, int64_t slots) const {
    const auto program = Compile(lanes, slots);
    EXPECT_TRUE(program) << program.error().ToString();
    const auto device = MakeDevice(*program);
    EXPECT_FALSE(device);
    return device ? "" : device.error().ToString();
  }

  static ModelConfig Config() {
    ModelConfig config = testing::TinyPackedConfig();
    config.head_dim = 64;
    return config;
  }

  const ModelConfig config_ = Config();
  const testing::CompiledModel compiled_{config_, testing::AcceleratorPlan(config_)};
};

TEST_F(RtlDevice, LogitsAreTheFunctionalDevices) {
  const auto program = Compile(kLanes, kSlots);
  ASSERT_TRUE(program) << program.error().ToString();
  auto functional = accel::FunctionalDevice::Create(*program, 1);
  ASSERT_TRUE(functional) << functional.error().ToString();
  auto device = MakeDevice(*program);
  ASSERT_TRUE(device) << device.error().ToString();
  AcceleratedModel expected(*program, std::move(*functional));
  AcceleratedModel model(*program, std::move(*device));
  int64_t cycles = 0;
  for (const size_t n : {5, 1, 2}) {  // passes of all slots, and of less
    const std::vector<int32_t> tokens = testing::RandomTokens(n, config_.vocab_size);
    std::vector<float> wanted(n * static_cast<size_t>(config_.vocab_size));
    std::vector<float> logits(wanted.size());
    const auto n_logits = static_cast<int64_t>(n);
    ASSERT_TRUE(expected.Append(tokens, n_logits, wanted.data()));
    const Status status = model.Append(tokens, n_logits, logits.data());
    ASSERT_TRUE(status) << status.error().ToString();
    EXPECT_EQ(logits, wanted);
    EXPECT_GT(model.device().cycles(), cycles + 100);
    cycles = model.device().cycles();
  }
}

TEST_F(RtlDevice, OtherMachines) {
  const std::string mine =
      fmt::format("the simulated kernel has {} lanes and {} slots", kLanes, kSlots);
  const std::string remedy = fmt::format("compile the model for a target of {} lanes", kLanes);
  for (const auto& [lanes, slots] : {std::pair{2 * kLanes, kSlots}, {kLanes, 2 * kSlots}}) {
    const std::string error = ErrorOfCreate(lanes, slots);
    EXPECT_NE(error.find(fmt::format("is for {} lanes and {} slots, {}", lanes, slots, mine)),
              std::string::npos)
        << error;
    EXPECT_NE(error.find(remedy), std::string::npos) << error;
  }
  const auto fewer_slots = Compile(kLanes, kSlots - 1);
  ASSERT_TRUE(fewer_slots);
  EXPECT_TRUE(MakeDevice(*fewer_slots));
}

}  // namespace
}  // namespace accllm::rtl
