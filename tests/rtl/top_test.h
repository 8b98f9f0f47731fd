// Passes of a program through the kernel's registers and memory channels, beside the functional
// model: every float that is written, the cache, and all logits.
#pragma once

#include ACCLLM_TOP_HEADER

#include "tests/rtl/ctrl_fields.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/kernel_host.h"
#include "tests/rtl/kernel_program.h"

namespace accllm::rtl {

inline constexpr int kLanes = ACCLLM_LANES;
inline constexpr int kSlots = ACCLLM_SLOTS;
using Host = KernelHost<ACCLLM_TOP, kLanes>;

class TopTest : public ::testing::Test {
 protected:
  void Prepare(const ModelConfig& config, bool stalls, const KernelProgramOptions& options = {}) {
    Prepare(std::make_unique<KernelProgram>(config, kLanes, kSlots, options), stalls);
  }
  void Prepare(std::unique_ptr<KernelProgram> program, bool stalls) {
    program_ = std::move(program);
    const size_t stripes = g().stripes + program_->instructions().size() + 8;
    host_ = std::make_unique<Host>(stripes * isa::kBeatBytes, stalls);
    host_->WriteStripes(0, program_->image());
    host_->Load(g(), program_->instructions());
  }

  void SetInstructions(const std::vector<isa::Instruction>& instructions) {
    program_->set_instructions(instructions);
    host_->Load(g(), program_->instructions());
  }

  const isa::Geometry& g() const { return program_->geometry(); }

  void WriteInputs(int64_t n_tokens) {
    for (int64_t token = 0; token < n_tokens; ++token) {
      for (const auto& [stripe, bytes] :
           {program_->WriteInput(token), program_->WriteAngles(token)}) {
        host_->WriteStripes(stripe, bytes);
      }
    }
  }

  void RunPass(int64_t n_tokens, int64_t n_outputs, int64_t position = 0) {
    WriteInputs(n_tokens);
    RunBoth({.position = position, .n_tokens = n_tokens, .n_outputs = n_outputs});
  }

  // A pass on what has been written for it.
  void RunBoth(const accel::PassRegisters& pass) {
    SCOPED_TRACE(::testing::Message() << pass.n_tokens << " tokens at " << pass.position << ", "
                                      << pass.n_outputs << " outputs");
    host_->rows().clear();
    host_->Start(static_cast<uint32_t>(pass.n_tokens), static_cast<uint32_t>(pass.n_outputs),
                 static_cast<uint64_t>(pass.position));
    const KernelStatus status = host_->Finish();
    ASSERT_EQ(status.error, isa::KernelError::kNone)
        << "instruction " << status.failed_instruction << ", opcode "
        << program_->instructions()[status.failed_instruction].opcode;
    EXPECT_EQ(status.state, isa::KernelState::kIdle);
    program_->BeginPass(pass);
    for (const isa::Instruction& instruction : program_->instructions()) {
      program_->Run(instruction);
      Compare(instruction);
      if (HasFatalFailure()) return;
    }
    EXPECT_TRUE(host_->rows().empty());
    CompareLogits(pass.n_tokens, pass.n_outputs);
    cycles_ = status.cycles;
  }

  // The rows that the instruction wrote: they come before those of the next one.
  void Compare(const isa::Instruction& i) {
    const auto opcode = static_cast<isa::Opcode>(i.opcode);
    const bool is_output = opcode == isa::Opcode::kLinear &&
                           i.epilogue == static_cast<uint32_t>(isa::Epilogue::kOutput);
    if (opcode == isa::Opcode::kEnd || opcode == isa::Opcode::kQuantize) return;
    if (opcode == isa::Opcode::kStoreKv) return;  // attend looks at the whole cache
    if (opcode == isa::Opcode::kAttend) {
      CompareCache(i);
      CompareMixed(i);
      return;
    }
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

  // What the kernel left of a layer's cache. All instructions have run by now, but none of the
  // others changes it.
  void CompareCache(const isa::Instruction& i) {
    const accel::CacheLayout layout = accel::CacheLayout::For(g());
    ExpectMemory(i.keys, layout.key_stripes(), "keys");
    ExpectMemory(i.values, layout.value_stripes(), "values");
  }
  void ExpectMemory(int64_t stripe, int64_t n, const char* what) {
    const std::vector<uint8_t> got = host_->ReadStripes(stripe, n);
    const uint8_t* expected = program_->state().At(stripe);
    for (size_t at = 0; at < got.size(); ++at) {
      ASSERT_EQ(got[at], expected[at])
          << what << ", stripe " << at / isa::kBeatBytes / kLanes << ", lane "
          << at / isa::kBeatBytes % kLanes << ", byte " << at % isa::kBeatBytes;
    }
  }

  // Attention's floats, in whatever order: each comes once.
  void CompareMixed(const isa::Instruction& i) {
    constexpr auto kMixed = static_cast<uint32_t>(isa::Vector::kMixed);
    const int64_t base = CtrlShape::Of(g()).bases[kMixed];
    const auto n_tokens = program_->state().pass.n_tokens;
    std::vector<std::vector<bool>> has(n_tokens,
                                       std::vector<bool>(int64_t{g().heads} * g().head_dim));
    int64_t left = n_tokens * std::ssize(has[0]);
    while (left > 0) {
      ASSERT_FALSE(host_->rows().empty()) << "attention of layer " << i.layer << " lacks " << left;
      const KernelRow row = host_->rows().front();
      host_->rows().pop_front();
      ASSERT_LT(row.token, n_tokens);
      const std::span<const float> expected = program_->state().Of(isa::Vector::kMixed, row.token);
      for (int lane = 0; lane < kLanes; ++lane) {
        if ((row.lanes >> lane & 1) == 0) continue;
        const int64_t at = 8 * ((row.addr / (8 * kSlots) - base) * kLanes + lane) + row.row;
        ASSERT_LT(at, std::ssize(expected));
        ASSERT_FALSE(has[row.token][at]);
        has[row.token][at] = true;
        --left;
        ASSERT_TRUE(SameFloat(row.floats[lane], AsBits(expected[at])))
            << "layer " << i.layer << ", token " << row.token << ", head " << at / g().head_dim
            << ", dimension " << at % g().head_dim << std::hex << ": " << row.floats[lane]
            << ", not " << AsBits(expected[at]);
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
  uint64_t cycles_ = 0;  // of the last pass
};

}  // namespace accllm::rtl
