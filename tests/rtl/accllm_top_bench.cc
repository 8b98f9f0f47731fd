// Programs without attention, and what goes wrong.
#include "tests/rtl/top_test.h"

namespace accllm::rtl {
namespace {

// Several blocks of columns, ends that fill no tile, and rounds that fill no head of scales: one,
// two and three are left over, with two lanes. With biases.
ModelConfig WideConfig() {
  ModelConfig config = testing::TinyPackedConfig();
  config.has_qkv_bias = config.has_o_bias = config.has_mlp_bias = true;
  config.hidden_size = 300;
  config.intermediate_size = 530;
  config.n_layers = 2;
  config.vocab_size = 139;
  return config;
}

class AccllmTop : public TopTest, public ::testing::WithParamInterface<bool> {};

TEST_P(AccllmTop, EveryFloatOfASmallModelIsTheFunctionalModels) {
  Prepare(testing::TinyPackedConfig(), GetParam());
  RunPass(1, 1);
  RunPass(2, 1);
  RunPass(kSlots, 0);
  RunPass(kSlots, kSlots);
}

TEST_P(AccllmTop, EveryFloatOfAWiderModelIsTheFunctionalModels) {
  Prepare(WideConfig(), GetParam());
  RunPass(1, 1);
  RunPass(kSlots, 2);
}

class AccllmTopFaults : public TopTest {
 protected:
  void SetUp() override { Prepare(testing::TinyPackedConfig(), true); }

  // A pass that must fail; then one of the right program, as if nothing had been.
  KernelStatus RunBadPass(uint32_t n_tokens = 2, uint32_t n_outputs = 1) {
    WriteInputs(2);
    host_->Start(n_tokens, n_outputs);
    const KernelStatus status = host_->Finish();
    EXPECT_EQ(status.state, isa::KernelState::kIdle);
    for (int lane = 0; lane < kLanes; ++lane) EXPECT_TRUE(host_->memory(lane).idle());
    return status;
  }
  void ExpectNextPassRuns() {
    host_->Load(g(), program_->instructions());
    for (int lane = 0; lane < kLanes; ++lane) host_->memory(lane).HealAll();
    RunPass(2, 2);
  }

  std::vector<isa::Instruction> Instructions() { return program_->instructions(); }
  // The index of the first instruction of this opcode, at or behind `from`.
  uint32_t Find(isa::Opcode opcode, uint32_t from = 0) {
    while (program_->instructions()[from].opcode != static_cast<uint32_t>(opcode)) ++from;
    return from;
  }
  // The program with one instruction changed.
  template <class Change>
  void ExpectIllegal(uint32_t index, Change change) {
    std::vector<isa::Instruction> instructions = Instructions();
    change(instructions[index]);
    host_->Load(g(), instructions);
    host_->rows().clear();
    const KernelStatus status = RunBadPass();
    EXPECT_EQ(status.error, isa::KernelError::kIllegalInstruction);
    EXPECT_EQ(status.failed_instruction, index);
    EXPECT_TRUE(host_->rows().empty()) << "something was computed";
  }
};

TEST_F(AccllmTopFaults, ProgramsWithoutAnEnd) {
  std::vector<isa::Instruction> instructions = Instructions();
  for (const size_t n : {instructions.size() - 1, size_t{3}, size_t{0}}) {
    host_->Load(g(), std::span(instructions).first(n));
    EXPECT_EQ(RunBadPass().error, isa::KernelError::kTruncatedProgram) << n << " instructions";
  }
  ExpectNextPassRuns();
}

TEST_F(AccllmTopFaults, IllegalInstructions) {
  using I = isa::Instruction;
  const uint32_t norm = Find(isa::Opcode::kNorm);
  const uint32_t linear = Find(isa::Opcode::kLinear);
  const uint32_t quantize = Find(isa::Opcode::kQuantize);
  ExpectIllegal(5, [](I& i) { i.opcode = 7; });
  ExpectIllegal(5, [](I& i) { i.opcode |= 0x100; });
  ExpectIllegal(2, [](I& i) { i.opcode = static_cast<uint32_t>(isa::Opcode::kAttend); });
  ExpectIllegal(linear, [](I& i) { ++i.rows; });
  ExpectIllegal(linear, [](I& i) { ++i.blocks; });
  ExpectIllegal(linear, [](I& i) { i.format = 4; });
  ExpectIllegal(linear, [](I& i) { i.epilogue = 4; });
  ExpectIllegal(linear, [](I& i) { i.source = 1 - i.source; });  // nothing has been quantised
  ExpectIllegal(linear, [](I& i) { i.source = 2; });
  ExpectIllegal(linear, [](I& i) { i.destination = 6; });
  ExpectIllegal(linear, [](I& i) { i.has_bias = 2; });
  ExpectIllegal(norm, [](I& i) { i.source = static_cast<uint32_t>(isa::Vector::kGate); });
  ExpectIllegal(norm, [](I& i) { i.destination = 2; });
  ExpectIllegal(quantize, [](I& i) { i.source = static_cast<uint32_t>(isa::Vector::kQuery); });
  ExpectNextPassRuns();
}

TEST_F(AccllmTopFaults, GeometriesOfOtherMachines) {
  const auto expect_illegal = [&](auto change) {
    isa::Geometry geometry = g();
    change(geometry);
    host_->Load(geometry, program_->instructions());
    EXPECT_EQ(RunBadPass().error, isa::KernelError::kIllegalGeometry);
  };
  expect_illegal([](isa::Geometry& geometry) { geometry.lanes *= 2; });
  expect_illegal([](isa::Geometry& geometry) { geometry.slots = kSlots + 1; });
  expect_illegal([](isa::Geometry& geometry) { geometry.hidden = 0; });
  expect_illegal([](isa::Geometry& geometry) { geometry.intermediate = 256 * 4 + 1; });
  expect_illegal([](isa::Geometry& geometry) { geometry.heads = 4096, geometry.head_dim = 4096; });
  expect_illegal([](isa::Geometry& geometry) { geometry.head_dim = 11; });
  ExpectNextPassRuns();
}

TEST_F(AccllmTopFaults, PassesOutOfRange) {
  EXPECT_EQ(RunBadPass(0, 0).error, isa::KernelError::kIllegalPass);
  EXPECT_EQ(RunBadPass(kSlots + 1, 0).error, isa::KernelError::kIllegalPass);
  EXPECT_EQ(RunBadPass(1, 2).error, isa::KernelError::kIllegalPass);
  ExpectNextPassRuns();
}

TEST_F(AccllmTopFaults, ReadsThatFail) {
  const isa::Instruction& linear = program_->instructions()[Find(isa::Opcode::kLinear)];
  for (const int lane : {0, kLanes - 1}) {
    host_->memory(lane).FailReads(Host::Base(lane) + uint64_t{linear.address} * isa::kBeatBytes);
    const KernelStatus status = RunBadPass();
    EXPECT_EQ(status.error, isa::KernelError::kReadFailed);
    EXPECT_EQ(status.failed_channel, lane);
    EXPECT_LE(status.failed_instruction, Find(isa::Opcode::kLinear));
    ExpectNextPassRuns();
  }
}

TEST_F(AccllmTopFaults, InstructionsThatCannotBeRead) {
  host_->memory(0).FailReads(Host::Base(0) + uint64_t{g().stripes} * isa::kBeatBytes);
  EXPECT_EQ(RunBadPass().error, isa::KernelError::kReadFailed);
  ExpectNextPassRuns();
}

TEST_F(AccllmTopFaults, WritesThatFail) {
  const uint64_t stripe = g().output_address + accel::OutputStripes(g());
  host_->memory(1).FailWrites(Host::Base(1) + stripe * isa::kBeatBytes);
  const KernelStatus status = RunBadPass();
  EXPECT_EQ(status.error, isa::KernelError::kWriteFailed);
  EXPECT_EQ(status.failed_channel, 1);
  ExpectNextPassRuns();
}

TEST_F(AccllmTopFaults, ResetsAtAnyTime) {
  for (const int cycles : {3, 60, 200, 500, 1100, 2300, 3900}) {
    WriteInputs(2);
    host_->Start(2, 2);
    for (int i = 0; i < cycles; ++i) host_->Cycle();
    host_->Reset();
    EXPECT_EQ(host_->Status().state, isa::KernelState::kIdle);
    EXPECT_EQ(host_->Status().cycles, 0);
    ExpectNextPassRuns();
  }
}

TEST_F(AccllmTopFaults, CountersSayWhereCyclesWent) {
  WriteInputs(2);
  host_->Start(2, 2);
  const KernelStatus status = host_->Finish();
  int64_t beats = 0;  // of instructions, which are not streamed, too
  for (int lane = 0; lane < kLanes; ++lane) beats += host_->memory(lane).beats_read();
  EXPECT_GE(status.streaming * kLanes + program_->instructions().size(), beats);
  EXPECT_LT(status.streaming + status.memory_stalls + status.vector_stalls, status.cycles);
  EXPECT_GT(status.memory_stalls, 0);
  EXPECT_GT(status.vector_stalls, 0);
}

INSTANTIATE_TEST_SUITE_P(Stalls, AccllmTop, ::testing::Bool());

}  // namespace
}  // namespace accllm::rtl
