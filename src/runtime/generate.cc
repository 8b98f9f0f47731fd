#include "runtime/generate.h"

#include <algorithm>

#include "base/process_info.h"

namespace accllm {
namespace {

class Generator {
 public:
  Generator(LanguageModel& model, const GenerateOptions& options, Sampler& sampler,
            Speculation* speculation, const std::function<bool(int32_t)>& on_token)
      : model_(model),
        options_(options),
        sampler_(sampler),
        speculation_(speculation),
        on_token_(on_token),
        max_draft_(speculation == nullptr ? 0
                                          : std::min(speculation->max_draft(), model.max_rewind())),
        logits_(static_cast<size_t>((1 + max_draft_) * model.vocab_size())) {}

  Result<Generation> Run(std::span<const int32_t> prompt) {
    for (const int32_t token : prompt) Tell(token);
    const double start = MonotonicSeconds();
    ACCLLM_RETURN_IF_ERROR(model_.Append(prompt, 1, logits_.data()));
    if (max_draft_ > 0) speculation_->CatchUp();
    const double prefilled = MonotonicSeconds();
    result_.prefill_seconds = prefilled - start;
    is_done_ = n_left() <= 0;
    if (!is_done_) TakeTokens({});
    while (!is_done_) ACCLLM_RETURN_IF_ERROR(RunPass());
    result_.decode_seconds = MonotonicSeconds() - prefilled;
    return std::move(result_);
  }

 private:
  void Tell(int32_t token) {
    sampler_.Accept(token);
    if (speculation_ != nullptr) speculation_->Append(token);
  }

  int64_t n_left() const {
    return options_.max_new_tokens - static_cast<int64_t>(result_.tokens.size());
  }

  // One pass over the weights: the last token, and a draft of those behind it. A draft never goes
  // beyond what may be generated, so it fits wherever plain decoding does.
  Status RunPass() {
    std::vector<int32_t> tokens = {result_.tokens.back()};
    double start = 0;
    if (max_draft_ > 0) {
      start = speculation_->Now();
      const std::vector<int32_t> draft = speculation_->Draft(std::min(max_draft_, n_left() - 1));
      tokens.insert(tokens.end(), draft.begin(), draft.end());
    }
    ACCLLM_RETURN_IF_ERROR(model_.Append(tokens, std::ssize(tokens), logits_.data()));
    const auto draft = std::span<const int32_t>(tokens).subspan(1);
    const int64_t n_accepted = TakeTokens(draft);
    model_.Rewind(std::ssize(draft) - n_accepted);
    if (max_draft_ > 0) speculation_->Record(n_accepted, speculation_->Now() - start);
    return {};
  }

  // Samples from the logits before, within and behind `draft` until the draft is wrong or the text
  // ends. Returns how many tokens of the draft were right and are followed by another token.
  int64_t TakeTokens(std::span<const int32_t> draft) {
    for (int64_t row = 0;; ++row) {
      const auto vocab = static_cast<size_t>(model_.vocab_size());
      const int32_t token =
          sampler_.Sample(std::span(logits_).subspan(static_cast<size_t>(row) * vocab, vocab));
      is_done_ = std::find(options_.stop_tokens.begin(), options_.stop_tokens.end(),
                           int64_t{token}) != options_.stop_tokens.end();
      if (is_done_) return row;
      Tell(token);
      result_.tokens.push_back(token);
      is_done_ = !on_token_(token) || n_left() == 0;
      if (is_done_ || row == std::ssize(draft) || token != draft[static_cast<size_t>(row)]) {
        return row;
      }
    }
  }

  LanguageModel& model_;
  const GenerateOptions& options_;
  Sampler& sampler_;
  Speculation* speculation_;
  const std::function<bool(int32_t)>& on_token_;
  int64_t max_draft_;
  std::vector<float> logits_;  // [1 + max_draft, vocab_size]
  Generation result_;
  bool is_done_ = false;
};

}  // namespace

Result<Generation> Generate(LanguageModel& model, std::span<const int32_t> prompt,
                            const GenerateOptions& options, Sampler& sampler,
                            Speculation* speculation,
                            const std::function<bool(int32_t)>& on_token) {
  if (prompt.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the prompt has no tokens", "give a prompt with -p");
  }
  return Generator(model, options, sampler, speculation, on_token).Run(prompt);
}

}  // namespace accllm
