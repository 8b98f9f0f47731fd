// A pass through the wrapper that a card gets: its ports are wired to the right ones of the top,
// and what AXI has constant is constant. What a pass computes, accllm_top_bench.cc looks at.
#include "tests/rtl/kernel_host.h"
#include "tests/rtl/kernel_program.h"
#include "tests/rtl/wrapped_kernel.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = WrappedKernel::kLanes;
constexpr int kSlots = 4;
using Host = KernelHost<WrappedKernel, kLanes>;

class AccllmKernel : public ::testing::Test {
 protected:
  AccllmKernel() { host.WriteStripes(0, program.image()); }

  KernelProgram program{testing::TinyPackedConfig(), kLanes, kSlots};
  const isa::Geometry& g = program.geometry();
  Host host{(g.stripes + program.instructions().size() + 8) * isa::kBeatBytes, true};
};

// The first steps of fpga/u280/BRINGUP.md, which say what a new kernel answers.
TEST_F(AccllmKernel, TheFirstStepsOnACard) {
  namespace registers = isa::registers;
  const auto error_of_pass = [this](uint32_t n_tokens) {
    host.Start(n_tokens, 0);
    const KernelStatus status = host.Finish();
    EXPECT_GT(status.cycles, 0);
    return status.error;
  };
  EXPECT_EQ(host.Read(registers::kControl), 4);
  EXPECT_EQ(host.Status().state, isa::KernelState::kIdle);
  host.Load(g, program.instructions());
  EXPECT_EQ(host.Read(registers::kNInstructions), program.instructions().size());
  EXPECT_EQ(host.Read(registers::kGeometry), g.hidden);
  EXPECT_EQ(host.Read(registers::kMemory + registers::kMemoryStride), Host::Base(1));
  host.Write(registers::kNInstructions, 0);
  EXPECT_EQ(error_of_pass(1), isa::KernelError::kTruncatedProgram);
  EXPECT_EQ(error_of_pass(0), isa::KernelError::kIllegalPass);
  isa::Geometry other = g;
  other.lanes *= 2;
  host.Load(other, program.instructions());
  EXPECT_EQ(error_of_pass(1), isa::KernelError::kIllegalGeometry);
  const isa::Instruction end = {};
  host.Load(g, {&end, 1});
  EXPECT_EQ(error_of_pass(1), isa::KernelError::kNone);
  const isa::Instruction load[2] = {program.instructions()[0], {}};
  host.Load(g, load);
  EXPECT_EQ(error_of_pass(1), isa::KernelError::kNone);
}

TEST_F(AccllmKernel, APassThroughThePortsOfACard) {
  host.Load(g, program.instructions());
  host.Write(isa::registers::kGlobalInterrupt, 1);
  host.Write(isa::registers::kInterruptEnable, 1);
  for (const int n_tokens : {1, kSlots}) {
    for (int token = 0; token < n_tokens; ++token) {
      const auto [stripe, bytes] = program.WriteInput(token);
      host.WriteStripes(stripe, bytes);
    }
    host.Start(n_tokens, n_tokens);
    ASSERT_EQ(host.model().interrupt_o, 0);
    ASSERT_EQ(host.Finish().error, isa::KernelError::kNone);
    EXPECT_EQ(host.model().interrupt_o, 1);
    host.Write(isa::registers::kInterruptStatus, 1);
    EXPECT_EQ(host.model().interrupt_o, 0);
    program.BeginPass({.n_tokens = n_tokens, .n_outputs = n_tokens});
    for (const isa::Instruction& instruction : program.instructions()) program.Run(instruction);
    const int64_t stripes = accel::OutputStripes(g);
    for (int token = 0; token < n_tokens; ++token) {
      const int64_t stripe = g.output_address + token * stripes;
      std::vector<float> logits(g.vocab);
      accel::LoadVector(host.ReadStripes(stripe, stripes).data(), kLanes, logits);
      EXPECT_EQ(logits, program.state().Floats(stripe, g.vocab)) << "of token " << token;
    }
  }
}

}  // namespace
}  // namespace accllm::rtl
