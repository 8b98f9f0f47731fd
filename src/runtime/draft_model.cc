#include "runtime/draft_model.h"

namespace accllm {

void DraftModel::Append(int32_t token) {
  has_logits_ = false;
  if (!ahead_.empty() && ahead_.front() == token) {
    ahead_.pop_front();
    return;
  }
  TakeBack();
  pending_.push_back(token);
  if (std::ssize(pending_) <= kMaxUnread) return;
  model_.Reset();
  pending_.erase(pending_.begin(), pending_.end() - kMaxUnread / 2);
}

void DraftModel::TakeBack() {
  if (ahead_.empty()) return;
  model_.Rewind(std::ssize(ahead_));
  ahead_.clear();
}

bool DraftModel::ReadPending() {
  if (pending_.empty()) return has_logits_;
  has_logits_ = Read(pending_);
  pending_.clear();
  return has_logits_;
}

bool DraftModel::Read(std::span<const int32_t> tokens) {
  if (model_.Append(tokens, 1, logits_.data())) return true;
  Clear();
  has_failed_ = true;
  return false;
}

void DraftModel::CatchUp() {
  has_failed_ = false;
  ReadPending();
}

std::vector<int32_t> DraftModel::Draft(int64_t n) {
  std::vector<int32_t> draft;
  n = std::min(n, model_.max_rewind());
  if (has_failed_ || n <= 0) return draft;
  TakeBack();
  if (!ReadPending()) return draft;
  for (;;) {
    const auto best = std::max_element(logits_.begin(), logits_.begin() + n_candidates_);
    draft.push_back(static_cast<int32_t>(best - logits_.begin()));
    if (std::ssize(draft) == n) return draft;
    // The last guess is not read: only the text tells what comes behind it.
    has_logits_ = false;
    if (!Read(std::span(draft).last(1))) return draft;
    ahead_.push_back(draft.back());
  }
}

void DraftModel::Clear() {
  model_.Reset();
  pending_.clear();
  ahead_.clear();
  has_logits_ = false;
  has_failed_ = false;
}

}  // namespace accllm
