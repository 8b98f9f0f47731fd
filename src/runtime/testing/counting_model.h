// A language model without weights: after token t it expects t + 1 with a known probability.
#pragma once

#include <cmath>

#include "base/language_model.h"

namespace accllm::testing {

class CountingModel final : public LanguageModel {
 public:
  // The next token has logit `confidence`, all others 0.
  CountingModel(int64_t vocab_size, float confidence)
      : vocab_size_(vocab_size), confidence_(confidence) {}

  int64_t vocab_size() const override { return vocab_size_; }
  int64_t position() const override { return position_; }
  void Reset() override { position_ = 0; }
  int64_t max_rewind() const override { return 64; }
  void Rewind(int64_t n_tokens) override { position_ -= n_tokens; }

  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override {
    ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
    position_ += static_cast<int64_t>(tokens.size());
    for (const int32_t token : tokens.last(static_cast<size_t>(n_logits))) {
      std::fill_n(logits, vocab_size_, 0.0F);
      logits[(token + 1) % vocab_size_] = confidence_;
      logits += vocab_size_;
    }
    return {};
  }

  // Negative log-likelihood of the expected token.
  double ExpectedNll() const {
    return std::log(std::exp(static_cast<double>(confidence_)) + static_cast<double>(vocab_size_) -
                    1) -
           static_cast<double>(confidence_);
  }

 private:
  int64_t vocab_size_;
  float confidence_;
  int64_t position_ = 0;
};

// What goes on after every token, and after every report of progress.
inline constexpr auto kContinue = [](auto /*done*/) { return true; };

}  // namespace accllm::testing
