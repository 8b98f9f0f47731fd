// Programs on the functional device against the integer reference, bit for bit.
#include "accel/functional/functional_device.h"

#include <gtest/gtest.h>

#include "accel/accelerated_model.h"
#include "compiler/testing/compiled_model.h"
#include "reference/integer_model.h"

namespace accllm {
namespace {

using accel::AcceleratedModel;
using accel::FunctionalDevice;
using accel::ProgramFile;

constexpr int64_t kTokens = 130;

std::vector<float> ReferenceLogits(const PackedFile& packed, AttentionWindow window,
                                   std::span<const int32_t> tokens) {
  auto model = reference::IntegerModel::Load(packed, window);
  EXPECT_TRUE(model);
  std::vector<float> logits(tokens.size() * Index(packed.config().vocab_size));
  EXPECT_TRUE((*model)->Append(tokens, std::ssize(tokens), logits.data()));
  return logits;
}

std::unique_ptr<AcceleratedModel> Load(const ProgramFile& program, int n_threads = 1) {
  auto device = FunctionalDevice::Create(program, n_threads);
  EXPECT_TRUE(device) << device.error().ToString();
  return std::make_unique<AcceleratedModel>(program, std::move(*device));
}

// All logits, the tokens given in calls of changing sizes.
std::vector<float> DeviceLogits(const ProgramFile& program, std::span<const int32_t> tokens) {
  const auto model = Load(program, 2);
  std::vector<float> logits(tokens.size() * Index(model->vocab_size()));
  float* out = logits.data();
  for (size_t at = 0, size = 1; at < tokens.size(); at += size) {
    size = std::min<size_t>(1 + at % 7, tokens.size() - at);
    const Status status = model->Append(tokens.subspan(at, size), static_cast<int64_t>(size), out);
    EXPECT_TRUE(status) << status.error().ToString();
    out += static_cast<int64_t>(size) * model->vocab_size();
  }
  return logits;
}

struct Case {
  const char* name;
  AttentionWindow window;
  int64_t lanes;
  int64_t slots;
};

void ExpectReferenceBits(const ModelConfig& config, const std::vector<Case>& cases) {
  const testing::CompiledModel model(config, testing::AcceleratorPlan(config));
  const auto packed = model.Packed();
  ASSERT_TRUE(packed) << packed.error().ToString();
  const std::vector<int32_t> tokens = testing::RandomTokens(kTokens, config.vocab_size);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto program = model.Compile({testing::TestTarget(c.lanes, c.slots), c.window, kTokens});
    ASSERT_TRUE(program) << program.error().ToString();
    ASSERT_EQ(DeviceLogits(*program, tokens), ReferenceLogits(*packed, c.window, tokens));
  }
}

// Rings that wrap several times, one of a single chunk, sinks of more than a chunk, all weight
// types, machines of one to 64 lanes.
TEST(FunctionalDevice, BitForBitTheIntegerReference) {
  ExpectReferenceBits(testing::TinyPackedConfig(),
                      {{"window of 20, 4 lanes, 3 tokens", {4, 20}, 4, 3},
                       {"window of 7, one lane, one token", {0, 7}, 1, 1},
                       {"33 sinks, 64 lanes, 16 tokens", {33, 40}, 64, 16},
                       {"all", {2, AttentionWindow::kAll}, 32, 4}});
}

TEST(FunctionalDevice, BiasesAndNormsOfHeads) {
  ModelConfig config = testing::TinyPackedConfig();
  config.architecture = "Qwen3ForCausalLM";
  config.has_qkv_bias = config.has_o_bias = config.has_mlp_bias = config.has_qk_norm = true;
  config.tie_word_embeddings = true;
  config.n_kv_heads = 1;
  ExpectReferenceBits(config, {{"window", {4, 20}, 8, 2}});
}

// Heads of one beat, of less, and of two; inputs of several blocks.
TEST(FunctionalDevice, WidthsOfHeadsAndInputs) {
  for (const int64_t head_dim : {64, 96, 128, 256}) {
    ModelConfig config = testing::TinyPackedConfig();
    config.head_dim = head_dim;
    config.n_layers = 1;
    config.intermediate_size = 600;
    ExpectReferenceBits(config, {{"16 lanes", {4, 40}, 16, 4}});
  }
}

TEST(FunctionalDevice, RewoundTokensLeaveNoTrace) {
  const ModelConfig config = testing::TinyPackedConfig();
  const testing::CompiledModel compiled(config, testing::AcceleratorPlan(config));
  const AttentionWindow window{4, 20};
  const auto program = compiled.Compile({testing::TestTarget(4, 8), window, 0});
  ASSERT_TRUE(program) << program.error().ToString();
  const std::vector<int32_t> tokens = testing::RandomTokens(kTokens, config.vocab_size);
  const std::vector<float> expected = ReferenceLogits(*compiled.Packed(), window, tokens);
  const auto model = Load(*program);
  const int64_t vocab = config.vocab_size;
  for (int64_t at = 0; at < kTokens; ++at) {
    std::vector<int32_t> draft = {tokens[Index(at)]};
    for (int64_t i = 0; i < at % 8; ++i) draft.push_back(static_cast<int32_t>((at + i) % vocab));
    std::vector<float> rows(draft.size() * Index(vocab));
    ASSERT_TRUE(model->Append(draft, std::ssize(draft), rows.data()));
    model->Rewind(std::ssize(draft) - 1);
    ASSERT_TRUE(std::equal(rows.begin(), rows.begin() + vocab, expected.begin() + at * vocab))
        << at;
  }
}

TEST(FunctionalDevice, BadCallsAreErrors) {
  const ModelConfig config = testing::TinyPackedConfig();
  const testing::CompiledModel compiled(config, testing::AcceleratorPlan(config));
  const auto program =
      compiled.Compile({testing::TestTarget(4, 2), {2, AttentionWindow::kAll}, 40});
  ASSERT_TRUE(program) << program.error().ToString();
  const auto model = Load(*program);
  std::vector<float> logits(Index(config.vocab_size));
  const std::vector<int32_t> many(65, 1);  // the context is rounded up to 64
  auto status = model->Append(many, 1, logits.data());
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("do not fit a context of 64"), std::string::npos);
  EXPECT_FALSE(model->Append(std::vector<int32_t>{61}, 1, logits.data()));
  EXPECT_TRUE(model->Append(std::span(many).first(64), 1, logits.data()));
  EXPECT_FALSE(model->Append(std::span(many).first(1), 1, logits.data()));

  const auto device = FunctionalDevice::Create(*program, 1);
  ASSERT_TRUE(device);
  std::vector<uint8_t> bytes(64);
  EXPECT_FALSE((*device)->WriteMemory(program->geometry().stripes, bytes));
  EXPECT_FALSE((*device)->ReadMemory(-1, bytes));
  accel::PassRegisters registers;
  EXPECT_FALSE((*device)->Run(registers));
  registers.n_tokens = 3;
  EXPECT_FALSE((*device)->Run(registers));
  registers.n_tokens = 1;
  registers.n_outputs = 2;
  EXPECT_FALSE((*device)->Run(registers));
  registers.n_outputs = 1;
  EXPECT_TRUE((*device)->Run(registers));
}

}  // namespace
}  // namespace accllm
