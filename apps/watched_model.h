// A model whose long calls can be watched and stopped.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "base/language_model.h"
#include "console.h"

namespace accllm::cli {

// Runs a call to Append in pieces, which does not change its result.
class WatchedModel final : public LanguageModel {
 public:
  // Called before every piece with the tokens of this call that are done and wanted; returns false
  // to stop.
  using Watch = std::function<bool(int64_t done, int64_t total)>;

  // The longest call that may be a token with its draft: a text that is being generated is stopped
  // between tokens, where they are kept.
  static constexpr int64_t kShortCall = 64;
  // A multiple of the usual chunk, so that cutting costs no speed.
  static constexpr int64_t kPiece = 512;

  WatchedModel(LanguageModel& model, Watch watch, int64_t piece = kPiece)
      : model_(model), watch_(std::move(watch)), piece_(piece) {}

  int64_t vocab_size() const override { return model_.vocab_size(); }
  int64_t position() const override { return model_.position(); }
  void Reset() override { model_.Reset(); }
  int64_t max_rewind() const override { return model_.max_rewind(); }
  void Rewind(int64_t n_tokens) override { model_.Rewind(n_tokens); }

  // Stops long calls when the user interrupts.
  static bool GoesOnUnlessInterrupted(int64_t /*done*/, int64_t total) {
    return total <= kShortCall || !Interrupted();
  }

  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override {
    ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
    const auto total = static_cast<int64_t>(tokens.size());
    const int64_t first_logit = total - n_logits;
    for (int64_t begin = 0; begin < total; begin += piece_) {
      if (!watch_(begin, total)) {
        return Fail(ErrorCode::kInterrupted, fmt::format("stopped after {} tokens", position()));
      }
      const int64_t n = std::min(piece_, total - begin);
      const int64_t n_with_logits = std::clamp<int64_t>(begin + n - first_logit, 0, n);
      const auto piece = tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(n));
      ACCLLM_RETURN_IF_ERROR(model_.Append(piece, n_with_logits, logits));
      logits += n_with_logits * vocab_size();
    }
    return {};
  }

 private:
  LanguageModel& model_;
  Watch watch_;
  int64_t piece_;  // tokens
};

}  // namespace accllm::cli
