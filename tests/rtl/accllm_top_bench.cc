// Programs of a small model through the kernel's registers and memory channels, beside the
// functional model: every float that is written, and all logits.
#include "Vaccllm_top.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/kernel_host.h"
#include "tests/rtl/kernel_program.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kSlots = ACCLLM_SLOTS;
using Host = KernelHost<Vaccllm_top, kLanes>;

// Several blocks of columns, and ends that fill no tile; with biases.
ModelConfig WideConfig() {
  ModelConfig config = testing::TinyPackedConfig();
  config.has_qkv_bias = config.has_o_bias = config.has_mlp_bias = true;
  config.hidden_size = 300;
  config.intermediate_size = 530;
  config.n_layers = 2;
  config.vocab_size = 171;
  return config;
}

class AccllmTop : public ::testing::TestWithParam<bool> {
 protected:
  void Prepare(const ModelConfig& config, bool stalls) {
    program_ = std::make_unique<KernelProgram>(config, kLanes, kSlots);
    const size_t stripes = g().stripes + program_->instructions().size() + 8;
    host_ = std::make_unique<Host>(stripes * isa::kBeatBytes, stalls);
    host_->WriteStripes(0, program_->image());
    host_->Load(g(), program_->instructions());
  }

  const isa::Geometry& g() const { return program_->geometry(); }

  void WriteInputs(int64_t n_tokens) {
    for (int64_t token = 0; token < n_tokens; ++token) {
      const auto [stripe, bytes] = program_->WriteInput(token);
      host_->WriteStripes(stripe, bytes);
    }
  }

  void RunPass(int64_t n_tokens, int64_t n_outputs) {
    SCOPED_TRACE(::testing::Message() << n_tokens << " tokens, " << n_outputs << " outputs");
    WriteInputs(n_tokens);
    host_->rows().clear();
    host_->Start(n_tokens, n_outputs);
    const KernelStatus status = host_->Finish();
    ASSERT_EQ(status.error, isa::KernelError::kNone) << "instruction " << status.failed_instruction;
    EXPECT_EQ(status.state, isa::KernelState::kIdle);
    program_->BeginPass(n_tokens, n_outputs);
    for (const isa::Instruction& instruction : program_->instructions()) {
      program_->Run(instruction);
      Compare(instruction);
      if (HasFatalFailure()) return;
    }
    EXPECT_TRUE(host_->rows().empty());
    CompareLogits(n_tokens, n_outputs);
  }

  // The rows that the instruction wrote: they come before those of the next one.
  void Compare(const isa::Instruction& i) {
    const auto opcode = static_cast<isa::Opcode>(i.opcode);
    const bool is_output = opcode == isa::Opcode::kLinear &&
                           i.epilogue == static_cast<uint32_t>(isa::Epilogue::kOutput);
    if (opcode == isa::Opcode::kEnd || opcode == isa::Opcode::kQuantize) return;
    const auto vector = static_cast<isa::Vector>(opcode == isa::Opcode::kLoad   ? 0
                                                 : opcode == isa::Opcode::kNorm ? i.source
                                                                                : i.destination);
    const int64_t size = is_output ? g().vocab : program_->state().SizeOf(vector);
    const int64_t rounds = accel::CeilDiv(size, 8 * kLanes);
    const accel::PassRegisters& pass = program_->state().pass;
    const int64_t n_tokens = is_output ? pass.n_outputs : pass.n_tokens;
    std::vector<int64_t> n_rows(kSlots);  // of each token, in order
    for (int64_t n = n_tokens * rounds * 8; n > 0; --n) {
      ASSERT_FALSE(host_->rows().empty()) << "instruction " << i.opcode << " of layer " << i.layer;
      const KernelRow row = host_->rows().front();
      host_->rows().pop_front();
      ASSERT_EQ(row.is_output, is_output);
      ASSERT_LT(row.token, pass.n_tokens);
      const int64_t round = n_rows[row.token]++ / 8;
      if (is_output || opcode == isa::Opcode::kNorm) continue;  // floats of norms are no result
      CompareRow(row, round, program_->state().Of(vector, row.token));
      if (HasFatalFailure()) {
        ADD_FAILURE() << "opcode " << i.opcode << " of layer " << i.layer << ", format " << i.format
                      << ", epilogue " << i.epilogue << ", to vector " << i.destination;
        return;
      }
    }
  }

  void CompareRow(const KernelRow& row, int64_t round, std::span<const float> expected) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const size_t at = 8 * (round * kLanes + lane) + row.row;
      if (at >= expected.size()) continue;
      ASSERT_TRUE(SameFloat(row.floats[lane], AsBits(expected[at])))
          << "token " << row.token << ", element " << at << std::hex << ": " << row.floats[lane]
          << ", not " << AsBits(expected[at]);
    }
  }

  void CompareLogits(int64_t n_tokens, int64_t n_outputs) {
    const int64_t stripes = accel::OutputStripes(g());
    for (int64_t token = n_tokens - n_outputs; token < n_tokens; ++token) {
      const int64_t stripe = g().output_address + token * stripes;
      std::vector<float> logits(g().vocab);
      accel::LoadVector(host_->ReadStripes(stripe, stripes).data(), kLanes, logits);
      const std::vector<float> expected = program_->state().Floats(stripe, g().vocab);
      for (size_t i = 0; i < logits.size(); ++i) {
        ASSERT_TRUE(SameFloat(AsBits(logits[i]), AsBits(expected[i])))
            << "logit " << i << " of token " << token;
      }
    }
  }

  std::unique_ptr<KernelProgram> program_;
  std::unique_ptr<Host> host_;
};

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

class AccllmTopFaults : public AccllmTop {
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
