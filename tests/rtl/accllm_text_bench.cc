// A bundled model writes a text: all that its instructions write is the functional model's, but
// that codes of activations are seen through the floats that are made of them.
#include <algorithm>

#include "accel/accelerated_model.h"
#include "accel/device_checks.h"
#include "accel/functional/functional_device.h"
#include "base/index.h"
#include "tests/rtl/top_test.h"

namespace accllm::rtl {
namespace {

constexpr int64_t kPromptTokens = 8;

class AccllmText : public TopTest {
 protected:
  // The kernel and the functional model in step, as one device.
  class Pair final : public accel::Device {
   public:
    explicit Pair(AccllmText& test) : test_(test) {}

    Status WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) override {
      ACCLLM_RETURN_IF_ERROR(accel::CheckStripes(test_.g(), stripe, bytes.size()));
      test_.host_->WriteStripes(stripe, bytes);
      std::copy(bytes.begin(), bytes.end(), test_.program_->state().At(stripe));
      return {};
    }
    Status ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const override {
      const int64_t beats = std::ssize(bytes) / (isa::kBeatBytes * kLanes);
      const std::vector<uint8_t> read = test_.host_->ReadStripes(stripe, beats);
      std::copy(read.begin(), read.end(), bytes.begin());
      return {};
    }
    Status Run(const accel::PassRegisters& pass) override {
      test_.RunBoth(pass);
      if (!HasFatalFailure()) return {};
      return Fail(ErrorCode::kIo, "kernel and functional model differ");
    }

   private:
    AccllmText& test_;
  };

  void Open(AttentionWindow window) {
    auto packed = PackedFile::Open(ACCLLM_SOURCE_DIR "/models/books-6m.acc");
    ASSERT_TRUE(packed) << packed.error().ToString();
    const std::string path = testing::UniquePath("text.accp");
    const auto report =
        compiler::Compile(*packed, {testing::TestTarget(kLanes, kSlots), window, 0}, path, {}, {});
    ASSERT_TRUE(report) << report.error().ToString();
    auto program = accel::ProgramFile::Open(path);
    std::filesystem::remove(path);
    ASSERT_TRUE(program) << program.error().ToString();
    file_.emplace(*std::move(program));
    Prepare(std::make_unique<KernelProgram>(*file_), false);
  }

  // The likeliest tokens, one by one, behind a prompt.
  std::vector<int32_t> Text(std::unique_ptr<accel::Device> device, int64_t n) const {
    accel::AcceleratedModel model(*file_, std::move(device));
    std::vector<int32_t> next = testing::RandomTokens(kPromptTokens, model.vocab_size());
    std::vector<int32_t> text;
    std::vector<float> logits(Index(model.vocab_size()));
    while (std::ssize(text) < n) {
      const Status status = model.Append(next, 1, logits.data());
      EXPECT_TRUE(status) << status.error().ToString();
      if (!status) break;
      next = {
          static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin())};
      text.push_back(next[0]);
    }
    return text;
  }

  void ExpectText(int64_t n) {
    const std::vector<int32_t> text = Text(std::make_unique<Pair>(*this), n);
    auto functional = accel::FunctionalDevice::Create(*file_, 1);
    ASSERT_TRUE(functional) << functional.error().ToString();
    EXPECT_EQ(text, Text(*std::move(functional), n));
    EXPECT_EQ(std::ssize(text), n);
  }

  std::optional<accel::ProgramFile> file_;
};

TEST_F(AccllmText, EveryTensorOf32Tokens) {
  Open({.n_sinks = 4, .window = 252});
  ExpectText(32);
}

// Positions 8 to 79 of a ring of 20: it goes around more than three times.
TEST_F(AccllmText, EveryTensorBeyondTheWindow) {
  Open({.n_sinks = 4, .window = 20});
  ExpectText(72);
}

}  // namespace
}  // namespace accllm::rtl
