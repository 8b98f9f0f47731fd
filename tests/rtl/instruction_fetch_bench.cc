#include <random>
#include <vector>

#include "Vinstruction_fetch.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/ctrl_fields.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {
namespace {

using isa::Epilogue;
using isa::Instruction;
using isa::Opcode;

isa::Geometry MakeGeometry() {
  isa::Geometry g = {};
  g.hidden = 300, g.intermediate = 530, g.heads = 8, g.kv_heads = 2, g.head_dim = 40;
  g.vocab = 700, g.lanes = 4, g.slots = 4;
  return g;
}

// Programs of the kind that the compiler makes, with fields that differ.
class Programs {
 public:
  std::vector<Instruction> Make(size_t n) {
    program_ = {Of(Opcode::kLoad)};
    while (program_.size() + 8 <= n) AddBlock();
    AddLogits();
    program_.push_back(Of(Opcode::kEnd));
    return program_;
  }
  // What attention gives, quantised.
  std::vector<Instruction> MakeAttention() {
    program_ = {Of(Opcode::kLoad)};
    for (const isa::Vector source : {isa::Vector::kKey, isa::Vector::kValue}) {
      AddCache(Opcode::kStoreKv);
      program_.back().source = static_cast<uint32_t>(source);
    }
    AddCache(Opcode::kAttend);
    program_.push_back(Of(Opcode::kQuantize));
    program_.back().source = static_cast<uint32_t>(isa::Vector::kMixed);
    program_.push_back(Of(Opcode::kEnd));
    return program_;
  }

 private:
  static Instruction Of(Opcode opcode) {
    Instruction i = {};
    i.opcode = static_cast<uint32_t>(opcode);
    return i;
  }
  void AddCache(Opcode opcode) {
    Instruction cache = Of(opcode);
    cache.keys = random_();
    cache.values = random_();
    program_.push_back(cache);
  }
  void AddNorm(uint32_t buffer) {
    Instruction norm = Of(Opcode::kNorm);
    norm.destination = buffer;
    norm.address = random_();
    norm.parameter = random_();
    program_.push_back(norm);
  }
  void AddBlock() {
    const uint32_t buffer = random_() % 2;
    AddNorm(buffer);
    AddLinear(isa::Vector::kGate, Epilogue::kStore, buffer, 2);
    AddLinear(isa::Vector::kGate, Epilogue::kSiluMul, buffer, 2);
    Instruction quantize = Of(Opcode::kQuantize);
    quantize.source = static_cast<uint32_t>(isa::Vector::kGate);
    quantize.destination = random_() % 2;
    program_.push_back(quantize);
    AddLinear(isa::Vector::kStream, Epilogue::kAdd, quantize.destination, 3);
  }
  void AddLogits() {
    AddNorm(0);
    AddLinear(isa::Vector::kStream, Epilogue::kOutput, 0, 2);
    program_.back().rows = MakeGeometry().vocab;
    program_.back().destination = random_();  // nobody looks at it
  }
  void AddLinear(isa::Vector to, Epilogue epilogue, uint32_t source, uint32_t blocks) {
    Instruction linear = Of(Opcode::kLinear);
    linear.format = random_() % 4;
    linear.epilogue = static_cast<uint32_t>(epilogue);
    linear.source = source;
    linear.destination = static_cast<uint32_t>(to);
    linear.rows = static_cast<uint32_t>(accel::VectorSize(MakeGeometry(), linear.destination));
    linear.blocks = blocks;
    linear.address = random_();
    linear.has_bias = random_() % 2;
    program_.push_back(linear);
  }

  std::mt19937 random_{3};
  std::vector<Instruction> program_;
};

CtrlStep StepOf(const Instruction& i, uint32_t index) {
  CtrlStep step = {index, i.opcode,   i.format, i.epilogue, 0,
                   0,     i.has_bias, i.blocks, i.address,  i.parameter};
  switch (static_cast<Opcode>(i.opcode)) {
    case Opcode::kNorm:
    case Opcode::kQuantize:
      step.place = i.source;
      step.buffer = i.destination;
      break;
    case Opcode::kLinear:
      step.place =
          i.epilogue == static_cast<uint32_t>(Epilogue::kOutput) ? kPlaceOutput : i.destination;
      step.buffer = i.source;
      break;
    case Opcode::kStoreKv:
      step.place = i.source;
      step.address = i.keys;
      step.parameter = i.values;
      break;
    case Opcode::kAttend:
      step.place = static_cast<uint32_t>(isa::Vector::kMixed);
      step.address = i.keys;
      step.parameter = i.values;
      break;
    default:
      break;
  }
  return step;
}

class InstructionFetch : public ::testing::Test {
 protected:
  InstructionFetch() {
    dut_->start_i = dut_->valid_i = dut_->read_i = dut_->has_attention_i = 0;
    dut_.Reset();
    CtrlShape::Of(MakeGeometry()).To(dut_->shape_i);
  }

  isa::KernelError Fetch(const std::vector<Instruction>& program) {
    Source<Instruction> source{Stall(5)};
    for (const Instruction& i : program) source.Push(i);
    dut_->start_i = 1;
    dut_->count_i = program.size();
    for (int cycle = 0; cycle < 20'000; ++cycle) {
      dut_->valid_i = cycle > 0 && source.Valid();
      const Instruction beat = source.Data();
      std::memcpy(&dut_->beat_i[0], &beat, sizeof(beat));
      dut_.Settle();
      if (cycle > 0) source.Sample(true);
      const bool is_done = dut_->done_o;
      dut_.Edge();
      dut_->start_i = 0;
      if (!is_done) continue;
      EXPECT_TRUE(source.empty()) << "beats are left in the channel";
      return static_cast<isa::KernelError>(dut_->error_o);
    }
    ADD_FAILURE() << "it does not end";
    return isa::KernelError::kNone;
  }

  CtrlStep Step(uint32_t index) {
    dut_->read_i = 1;
    dut_->raddr_i = index;
    dut_.Settle();
    dut_.Edge();
    dut_->read_i = 0;
    dut_.Settle();
    return CtrlStep::From(dut_->step_o);
  }

  Bench<Vinstruction_fetch> dut_;
};

TEST_F(InstructionFetch, KeepsAllStepsOfLegalPrograms) {
  for (const size_t n : {9, 50, 1024}) {
    const std::vector<Instruction> program = Programs().Make(n);
    ASSERT_EQ(Fetch(program), isa::KernelError::kNone) << "instruction " << dut_->index_o;
    for (uint32_t i = 0; i < program.size(); ++i) ASSERT_EQ(Step(i), StepOf(program[i], i)) << i;
  }
}

TEST_F(InstructionFetch, AttentionIsLegalWhereItFits) {
  const std::vector<Instruction> program = Programs().MakeAttention();
  EXPECT_EQ(Fetch(program), isa::KernelError::kIllegalInstruction);
  EXPECT_EQ(dut_->index_o, 1);
  std::vector<Instruction> without_stores = program;
  without_stores.erase(without_stores.begin() + 1, without_stores.begin() + 3);
  EXPECT_EQ(Fetch(without_stores), isa::KernelError::kIllegalInstruction);
  EXPECT_EQ(dut_->index_o, 1);
  dut_->has_attention_i = 1;
  ASSERT_EQ(Fetch(program), isa::KernelError::kNone) << "instruction " << dut_->index_o;
  for (uint32_t i = 0; i < program.size(); ++i) ASSERT_EQ(Step(i), StepOf(program[i], i)) << i;

  const auto fails_at = [&](uint32_t index, auto change) {
    std::vector<Instruction> changed = program;
    change(changed[index]);
    EXPECT_EQ(Fetch(changed), isa::KernelError::kIllegalInstruction);
    EXPECT_EQ(dut_->index_o, index);
  };
  for (const isa::Vector source :
       {isa::Vector::kStream, isa::Vector::kQuery, isa::Vector::kMixed, isa::Vector::kGate}) {
    fails_at(1, [&](Instruction& i) { i.source = static_cast<uint32_t>(source); });
  }
  fails_at(2, [](Instruction& i) { i.source += 8; });
  fails_at(2, [](Instruction& i) { i.has_bias = 1; });
  fails_at(3, [](Instruction& i) { i.has_bias = 1; });
  // Attention's largest magnitude must be used before there is another, and for its own vector.
  fails_at(4, [](Instruction& i) { i.opcode = static_cast<uint32_t>(Opcode::kAttend); });
  fails_at(4, [](Instruction& i) { i.source = static_cast<uint32_t>(isa::Vector::kGate); });
}

TEST_F(InstructionFetch, WhatComesBehindTheEndIsNotLookedAt) {
  std::vector<Instruction> program = Programs().Make(20);
  const uint32_t end = program.size() - 1;
  program.resize(30, program[0]);
  program[25].opcode = 99;
  EXPECT_EQ(Fetch(program), isa::KernelError::kNone);
  EXPECT_EQ(Step(end).opcode, 0);
}

TEST_F(InstructionFetch, ProgramsWithoutAnEndAreTruncated) {
  std::vector<Instruction> program = Programs().Make(40);
  program.pop_back();
  EXPECT_EQ(Fetch(program), isa::KernelError::kTruncatedProgram);
  EXPECT_EQ(Fetch({}), isa::KernelError::kTruncatedProgram);
}

// Any field that is named and may not be: the first instruction of them is told.
TEST_F(InstructionFetch, TellsTheFirstIllegalInstruction) {
  const std::vector<Instruction> program = Programs().Make(40);
  const auto fails_at = [&](uint32_t index, auto change) {
    std::vector<Instruction> changed = program;
    change(changed[index]);
    changed[30].opcode = 50;  // a later one
    EXPECT_EQ(Fetch(changed), isa::KernelError::kIllegalInstruction);
    EXPECT_EQ(dut_->index_o, index);
  };
  // Load, then norm, gate, up, quantize, down.
  for (uint32_t bit = 3; bit < 32; ++bit) {
    fails_at(3, [&](Instruction& i) { i.opcode |= 1U << bit; });
  }
  for (const uint32_t opcode : {5U, 6U, 7U}) {
    fails_at(3, [&](Instruction& i) { i.opcode = opcode; });
  }
  fails_at(1, [](Instruction& i) { i.source = 5; });
  fails_at(1, [](Instruction& i) { i.destination = 2; });
  fails_at(1, [](Instruction& i) { i.has_bias = 1U << 31; });
  fails_at(2, [](Instruction& i) { i.blocks = 1; });
  fails_at(2, [](Instruction& i) { i.blocks = 0; });
  fails_at(2, [](Instruction& i) { i.blocks += 1U << 8; });
  fails_at(2, [](Instruction& i) { i.rows += 1; });
  fails_at(2, [](Instruction& i) { i.rows += 1U << 31; });
  fails_at(2, [](Instruction& i) { i.destination = 6; });
  fails_at(2, [](Instruction& i) { i.destination += 1U << 20; });
  fails_at(2, [](Instruction& i) { i.source = 1 - i.source; });
  fails_at(2, [](Instruction& i) { i.source += 2; });
  fails_at(2, [](Instruction& i) { i.format = 4; });
  fails_at(2, [](Instruction& i) { i.epilogue += 4; });
  fails_at(4, [](Instruction& i) { i.source = 1; });
  fails_at(4, [](Instruction& i) { i.opcode = static_cast<uint32_t>(Opcode::kNorm); });
  // SiLU's largest magnitude must be used before there is another.
  fails_at(4, [](Instruction& i) { i.opcode = static_cast<uint32_t>(Opcode::kLoad); });

  std::vector<Instruction> changed = program;
  --changed[program.size() - 2].rows;  // of the logits
  EXPECT_EQ(Fetch(changed), isa::KernelError::kIllegalInstruction);
  EXPECT_EQ(dut_->index_o, program.size() - 2);
}

}  // namespace
}  // namespace accllm::rtl
