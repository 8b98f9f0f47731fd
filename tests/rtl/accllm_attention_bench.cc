// Whole programs, attention with its cache included.
#include "tests/rtl/top_test.h"

namespace accllm::rtl {
namespace {

ModelConfig Config(int64_t head_dim, int64_t heads, int64_t kv_heads) {
  ModelConfig config = testing::TinyPackedConfig();
  config.head_dim = head_dim;
  config.n_heads = heads;
  config.n_kv_heads = kv_heads;
  return config;
}

class AccllmAttention : public TopTest {
 protected:
  // A text in passes of 1 to kSlots tokens.
  void RunText(int64_t position, int64_t end, std::initializer_list<int64_t> tokens) {
    while (position < end) {
      for (const int64_t n : tokens) {
        const int64_t n_tokens = std::min<int64_t>(n, kSlots);
        RunPass(n_tokens, 1, position);
        if (HasFatalFailure()) return;
        position += n_tokens;
      }
    }
  }
};

TEST_F(AccllmAttention, TheFirstTokens) {
  Prepare(Config(64, 4, 2), false, {true});
  RunText(0, 9, {1, 2, 1, kSlots});
}

TEST_F(AccllmAttention, ARingThatGoesAround) {
  Prepare(Config(64, 4, 2), true, {true});
  RunText(0, 5, {kSlots});
  RunText(59, 71, {kSlots, 1, kSlots - 1});
}

TEST_F(AccllmAttention, HeadsOf128Dimensions) {
  Prepare(Config(128, 2, 2), true, {true});
  RunText(26, 33, {kSlots});
  RunText(1'000'000'000, 1'000'000'003, {1, 2});
}

TEST_F(AccllmAttention, EverythingIsSeen) {
  Prepare(Config(64, 2, 1), true, {true, {.n_sinks = 4, .window = AttentionWindow::kAll}, 64});
  RunText(0, 40, {kSlots, 3, kSlots});
}

TEST_F(AccllmAttention, WithoutSinks) {
  Prepare(Config(64, 2, 2), false, {true, {.n_sinks = 0, .window = 7}});
  RunText(0, 12, {1, kSlots, 2});
}

// The compiler makes one order; the machine is right in any. Other sources are illegal.
TEST_F(AccllmAttention, StoresInOtherOrders) {
  Prepare(Config(64, 4, 2), true, {true});
  const std::vector<isa::Instruction> code(program_->instructions().begin(),
                                           program_->instructions().end());
  const auto stores = [&](size_t i) {
    return code[i].opcode == static_cast<uint32_t>(isa::Opcode::kStoreKv);
  };
  constexpr size_t kFirst = 2;  // products and stores of keys and values, product of queries
  ASSERT_TRUE(stores(kFirst + 1) && stores(kFirst + 3));
  const std::vector<std::vector<size_t>> orders = {
      {0, 2, 1, 3, 4}, {0, 2, 3, 1, 4}, {0, 2, 4, 1, 3}, {2, 3, 0, 1, 4}};
  for (const std::vector<size_t>& order : orders) {
    std::vector<isa::Instruction> changed = code;
    for (size_t i = 0; i < order.size(); ++i) changed[kFirst + i] = code[kFirst + order[i]];
    SetInstructions(changed);
    RunText(0, 5, {kSlots, 1});
  }
  std::vector<isa::Instruction> illegal = code;
  illegal[kFirst + 1].source = static_cast<uint32_t>(isa::Vector::kQuery);
  SetInstructions(illegal);
  host_->Start(1, 1, 0);
  const KernelStatus status = host_->Finish();
  EXPECT_EQ(status.error, isa::KernelError::kIllegalInstruction);
  EXPECT_EQ(status.failed_instruction, kFirst + 1);

  // Values go to another layer's cache than the keys before them.
  std::vector<isa::Instruction> changed = code;
  const auto other = std::find_if(code.begin(), code.end(), [](const isa::Instruction& i) {
    return i.opcode == static_cast<uint32_t>(isa::Opcode::kAttend) && i.layer == 1;
  });
  changed[kFirst + 3].keys = other->keys;
  changed[kFirst + 3].values = other->values;
  SetInstructions(changed);
  RunText(0, 7, {kSlots, 1});
}

TEST_F(AccllmAttention, GoesOnAfterResetsAndErrorsOfMemory) {
  Prepare(Config(64, 4, 2), true, {true});
  RunPass(kSlots, 1, 0);
  const auto next_pass_runs = [&] {
    host_->Load(g(), program_->instructions());
    for (int lane = 0; lane < kLanes; ++lane) host_->memory(lane).HealAll();
    RunPass(1, 1, kSlots);
  };
  const auto begin_pass = [&] {
    WriteInputs(1);
    host_->Start(1, 1, kSlots);
  };
  for (const int cycles : {900, 1700, 2100, 2500, 2900, 3300}) {  // in stores, keys and values
    begin_pass();
    for (int i = 0; i < cycles; ++i) host_->Cycle();
    host_->Reset();
    next_pass_runs();
  }
  const auto find = [&](isa::Opcode opcode) {
    uint32_t index = 0;
    while (program_->instructions()[index].opcode != static_cast<uint32_t>(opcode)) ++index;
    return index;
  };
  const uint32_t store = find(isa::Opcode::kStoreKv), attend = find(isa::Opcode::kAttend);
  const isa::Instruction& cache = program_->instructions()[store];
  for (const uint64_t stripe : {uint64_t{cache.keys}, uint64_t{cache.values}}) {
    host_->memory(1).FailReads(Host::Base(1) + stripe * isa::kBeatBytes);
    begin_pass();
    const KernelStatus status = host_->Finish();
    EXPECT_EQ(status.error, isa::KernelError::kReadFailed);
    EXPECT_EQ(status.failed_channel, 1);
    EXPECT_LE(status.failed_instruction, attend);
    next_pass_runs();
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto keys = static_cast<uint64_t>(accel::CacheLayout::For(g()).key_stripes());
    for (uint64_t i = 0; i < keys; ++i) {
      host_->memory(lane).FailWrites(Host::Base(lane) + (cache.keys + i) * isa::kBeatBytes);
    }
  }
  begin_pass();
  EXPECT_EQ(host_->Finish().error, isa::KernelError::kWriteFailed);
  next_pass_runs();
}

#if ACCLLM_LONG  // takes minutes: make test-rtl
// A whole text, with a window that is passed twice.
TEST_F(AccllmAttention, EveryPositionOfAText) {
  Prepare(Config(64, 4, 2), true, {true});
  RunText(0, 150, {kSlots, 1, kSlots - 1});
}
#endif

}  // namespace
}  // namespace accllm::rtl
