// The host's side of a card against a kernel that is the functional device behind registers.
#include "accel/card/card_device.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "accel/accelerated_model.h"
#include "accel/card/xrt_port.h"
#include "compiler/testing/compiled_model.h"
#include "compiler/testing/fake_card.h"

namespace accllm {
namespace {

using accel::AcceleratedModel;
using accel::CardDevice;
using accel::ProgramFile;
using testing::FakeCard;
using testing::FakeCardState;

constexpr std::chrono::milliseconds kTimeLimit{30};

Result<std::unique_ptr<CardDevice>> MakeCard(const ProgramFile& program, FakeCardState& state,
                                             int64_t n_channels) {
  return CardDevice::Create(program, std::make_unique<FakeCard>(n_channels, state), kTimeLimit);
}

// The likeliest tokens behind a prompt, and all logits on the way.
std::pair<std::vector<int32_t>, std::vector<float>> Continue(AcceleratedModel& model,
                                                             std::vector<int32_t> tokens,
                                                             int n_new) {
  const auto n_vocab = Index(model.vocab_size());
  std::vector<int32_t> text;
  std::vector<float> all;
  for (int i = 0; i < n_new; ++i) {
    std::vector<float> logits(tokens.size() * n_vocab);
    const Status status = model.Append(tokens, std::ssize(tokens), logits.data());
    EXPECT_TRUE(status) << status.error().ToString();
    const auto last = logits.end() - std::ssize(logits) / std::ssize(tokens);
    text.push_back(static_cast<int32_t>(std::max_element(last, logits.end()) - last));
    all.insert(all.end(), logits.begin(), logits.end());
    tokens = {text.back()};
  }
  return {text, all};
}

void ExpectThoseOfTheFunctionalDevice(const ProgramFile& program, int n_new) {
  auto functional = accel::FunctionalDevice::Create(program, 1);
  ASSERT_TRUE(functional);
  FakeCardState state;
  auto card = MakeCard(program, state, program.geometry().lanes);
  ASSERT_TRUE(card) << card.error().ToString();
  AcceleratedModel expected(program, std::move(*functional));
  AcceleratedModel model(program, std::move(*card));
  const std::vector<int32_t> prompt = {1, 20, 30, 40, 50, 60, 2};
  const auto [expected_text, expected_logits] = Continue(expected, prompt, n_new);
  const auto [text, logits] = Continue(model, prompt, n_new);
  EXPECT_EQ(text, expected_text);
  EXPECT_EQ(logits, expected_logits);
  EXPECT_EQ(model.device().cycles(), state.n_started * FakeCard::kCyclesOfPass);
}

TEST(CardDevice, TokensOfTheBundledModel) {
  const auto packed = PackedFile::Open(ACCLLM_SOURCE_DIR "/models/books-6m.acc");
  ASSERT_TRUE(packed) << packed.error().ToString();
  const auto target = compiler::LoadTarget("u280");
  ASSERT_TRUE(target);
  const std::string path = testing::UniquePath("card_device.accp");
  ASSERT_TRUE(compiler::Compile(*packed, {*target, {4, 60}, 0}, path, {}, {}));
  const auto program = ProgramFile::Open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(program) << program.error().ToString();
  ExpectThoseOfTheFunctionalDevice(*program, 6);
}

class TinyCard : public ::testing::Test {
 protected:
  TinyCard() : program_(compiled_.Compile({testing::TestTarget(4, 3), {4, 20}, 0})) {}

  void SetUp() override { ASSERT_TRUE(program_) << program_.error().ToString(); }

  // What the first pass fails with.
  Error ErrorOfPass(FakeCardState& state) {
    auto card = MakeCard(*program_, state, 4);
    EXPECT_TRUE(card) << card.error().ToString();
    const Status status = (*card)->Run({0, 1, 1});
    EXPECT_FALSE(status);
    return status ? Error{} : status.error();
  }

  const ModelConfig config_ = testing::TinyPackedConfig();
  const testing::CompiledModel compiled_{config_, testing::AcceleratorPlan(config_)};
  const Result<ProgramFile> program_;
};

// The ring goes round; passes of one to three tokens.
TEST_F(TinyCard, TokensOfManyPasses) { ExpectThoseOfTheFunctionalDevice(*program_, 60); }

TEST_F(TinyCard, AnyRunOfBytesComesBack) {
  FakeCardState state;
  const auto card = MakeCard(*program_, state, 4);
  ASSERT_TRUE(card);
  const int64_t stripe = program_->geometry().input_address;
  for (const size_t n : {1, 63, 64, 65, 200, 256, 300, 321}) {
    std::vector<uint8_t> written(n);
    for (size_t i = 0; i < n; ++i) written[i] = static_cast<uint8_t>(7 * i + n);
    std::vector<uint8_t> read(n);
    ASSERT_TRUE((*card)->WriteMemory(stripe, written));
    ASSERT_TRUE((*card)->ReadMemory(stripe, read));
    EXPECT_EQ(read, written);
  }
  // Behind the image there were zeros, whatever the channels held before.
  std::vector<uint8_t> rest(256, 1);
  ASSERT_TRUE((*card)->ReadMemory(program_->geometry().stripes - 1, rest));
  EXPECT_EQ(rest, std::vector<uint8_t>(256));
  EXPECT_FALSE((*card)->WriteMemory(program_->geometry().stripes, rest));
  EXPECT_FALSE((*card)->ReadMemory(-1, rest));
}

TEST_F(TinyCard, WhatTheKernelReports) {
  FakeCardState state;
  for (uint32_t code = 1; code < 8; ++code) {
    state.error = code;
    const Error error = ErrorOfPass(state);
    EXPECT_NE(error.message.find(fmt::format("error {} at instruction 3", code)),
              std::string::npos);
    const bool is_memory = code < 3 || code > 6;  // 7 is none that is known
    EXPECT_EQ(error.code, is_memory ? ErrorCode::kIo : ErrorCode::kUnsupported) << code;
    EXPECT_EQ(error.message.find("channel 2") != std::string::npos, is_memory) << code;
    // Instruction 3 stores keys: a cache of another shape may fit.
    const bool is_illegal = code == static_cast<uint32_t>(isa::KernelError::kIllegalInstruction);
    EXPECT_EQ(error.remedy.find("--window") != std::string::npos, is_illegal) << code;
  }
}

TEST_F(TinyCard, APassThatDoesNotEnd) {
  FakeCardState state;
  state.hangs = true;
  const Error error = ErrorOfPass(state);
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_NE(error.message.find("did not finish a pass in 30 ms; its state is 1"),
            std::string::npos);
  // What hangs is not started again, not even by another process.
  auto card = MakeCard(*program_, state, 4);
  ASSERT_FALSE(card);
  EXPECT_NE(card.error().message.find("busy"), std::string::npos);
  EXPECT_EQ(state.n_started, 1);
}

TEST_F(TinyCard, WhatDoesNotFit) {
  FakeCardState state;
  const auto other = MakeCard(*program_, state, 8);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(other.error().message.find("is for 4 lanes and 3 slots, the card's kernel has 8 lanes"),
            std::string::npos);
  state.address_offset = 64;
  EXPECT_FALSE(MakeCard(*program_, state, 4));
  state.address_offset = 0;
  const auto card = MakeCard(*program_, state, 4);
  ASSERT_TRUE(card);
  EXPECT_FALSE((*card)->Run({0, 4, 1}));
  EXPECT_FALSE((*card)->Run({0, 1, 2}));
  EXPECT_EQ(state.n_started, 0);
}

TEST(XrtPort, ErrorsSayWhatToDo) {
  const auto missing = accel::OpenXrtPort("/nowhere/accllm.xclbin", "0");
  ASSERT_FALSE(missing);
  const auto no_card = accel::OpenXrtPort(ACCLLM_SOURCE_DIR "/README.md", "4321");
  ASSERT_FALSE(no_card);
  if (missing.error().code == ErrorCode::kUnsupported) {
    EXPECT_NE(missing.error().ToString().find("libxrt-dev"), std::string::npos);
    EXPECT_EQ(no_card.error().ToString(), missing.error().ToString());
    return;
  }
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/nowhere/accllm.xclbin"), std::string::npos);
  EXPECT_EQ(no_card.error().code, ErrorCode::kNotFound);
  EXPECT_NE(no_card.error().message.find("there is no card 4321"), std::string::npos);
  EXPECT_NE(no_card.error().remedy.find("XILINX_XRT"), std::string::npos);
}

}  // namespace
}  // namespace accllm
