// Guesses of the next tokens by a small model that reads the same text (draft and target of
// Leviathan et al., arXiv 2211.17192).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <span>
#include <vector>

#include "base/language_model.h"

namespace accllm {

class DraftModel {
 public:
  // Text that is kept unread, in tokens: where drafts did not pay for longer, the model goes on
  // with no more of the text than half of this.
  static constexpr int64_t kMaxUnread = 2048;

  // Guesses are below `vocab_size`, that of the model whose text it is. `model` outlives this and
  // must not be used by anyone else.
  DraftModel(LanguageModel& model, int64_t vocab_size)
      : model_(model),
        n_candidates_(std::min(vocab_size, model.vocab_size())),
        logits_(static_cast<size_t>(model.vocab_size())) {}

  // Tells of a token of the text. Nothing is read before it is needed.
  void Append(int32_t token);

  // Reads what it was told, for instance a prompt, so that the next draft need not. After an error
  // it begins anew, with what it was told since.
  void CatchUp();

  // Tokens that it was told and has not read; at most kMaxUnread.
  int64_t n_unread() const { return std::ssize(pending_); }

  // The likeliest next tokens, at most n and at most what the model can take back. None after an
  // error of the model, as when its context is full or a token is outside its vocabulary, until
  // CatchUp() or Clear().
  std::vector<int32_t> Draft(int64_t n);

  // Forgets the text.
  void Clear();

 private:
  bool ReadPending();
  bool Read(std::span<const int32_t> tokens);
  void TakeBack();

  LanguageModel& model_;
  int64_t n_candidates_;
  std::vector<float> logits_;     // [vocab_size], behind the last token that was read
  std::vector<int32_t> pending_;  // of the text, not yet read
  std::deque<int32_t> ahead_;     // read behind the text: guesses of which it may be the next part
  bool has_logits_ = false;       // they are those behind the whole text
  bool has_failed_ = false;       // since CatchUp()
};

}  // namespace accllm
