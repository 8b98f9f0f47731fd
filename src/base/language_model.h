// What every way to run a model offers: the float reference, the integer reference, the engine.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace accllm {

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  virtual int64_t vocab_size() const = 0;

  // Tokens appended since the last Reset().
  virtual int64_t position() const = 0;

  // Forgets all tokens.
  virtual void Reset() = 0;

  // Appends tokens and writes the logits after each of the last `n_logits` of them:
  // logits [n_logits, vocab_size]. The result does not depend on how a text is cut into calls.
  // Errors: kInvalidArgument for a token outside the vocabulary, kNumeric if a logit is not finite.
  virtual Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) = 0;

  // How many of the last tokens can be taken back, at most.
  virtual int64_t max_rewind() const { return 0; }

  // Forgets the last n tokens, as if they had never been appended, of one call to Append or of
  // several. The text is then at most max_rewind() shorter than it ever was since Reset().
  virtual void Rewind([[maybe_unused]] int64_t n_tokens) { assert(n_tokens == 0); }

 protected:
  // The check that every implementation makes first.
  Status CheckTokens(std::span<const int32_t> tokens, int64_t n_logits) const {
    for (const int32_t token : tokens) {
      if (token < 0 || token >= vocab_size()) {
        return Fail(
            ErrorCode::kInvalidArgument,
            fmt::format("token {} is outside the vocabulary 0..{}", token, vocab_size() - 1));
      }
    }
    if (n_logits < 0 || n_logits > static_cast<int64_t>(tokens.size())) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} logits asked for {} tokens", n_logits, tokens.size()));
    }
    return {};
  }
};

}  // namespace accllm
