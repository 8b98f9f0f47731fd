#include "runtime/speculation.h"

#include <algorithm>
#include <bit>

namespace accllm {
namespace {

// What drafts may cost more than they save while they try: a share of all time, and plain passes.
constexpr double kMaxLoss = 0.01;
constexpr double kMaxLostPasses = 3;
// Of a pass of one token: what each further token is taken to cost before it was measured.
constexpr double kFirstGuess = 0.25;
constexpr double kNewest = 0.25;  // weight of a new time in its average
// One right of two at first; a draft counts half after some 35 more.
constexpr double kPriorTries = 2;
constexpr double kPriorHits = 1;
constexpr double kKeep = 0.98;
// A refusal forgets a little, so that drafts get another try.
constexpr double kKeepUnused = 0.998;
// The time of plain passes changes with the depth, so it is measured now and then.
constexpr int64_t kMostBetweenPlain = 128;
// A draft model rests on no match; its hits are counted as of one length.
constexpr int64_t kOfModel = 1;

}  // namespace

DraftPolicy::Hits& DraftPolicy::HitsOf(int64_t match_length) {
  const auto order = static_cast<size_t>(std::bit_width(static_cast<uint64_t>(match_length)));
  return hits_[std::min(order, hits_.size() - 1)];
}

// Between and beyond what was measured: on the line through a plain pass and the next longer one,
// or the longest.
double DraftPolicy::SecondsOf(int64_t n_tokens) const {
  const double one = seconds_[1];
  const auto wanted = static_cast<size_t>(n_tokens);
  size_t known = 0;
  for (size_t n = 2; n < seconds_.size() && known < wanted; ++n) {
    if (seconds_[n] > 0) known = n;
  }
  const double slope =
      known == 0 ? kFirstGuess * one : (seconds_[known] - one) / static_cast<double>(known - 1);
  return one + std::max(0.0, slope) * static_cast<double>(n_tokens - 1);
}

int64_t DraftPolicy::Choose(int64_t match_length, int64_t n, double catching_up) {
  const double one = seconds_[1];
  if (n == 0 || one <= 0 || n_since_plain_ >= kMostBetweenPlain) return 0;
  const double may_lose = kMaxLoss * total_seconds_ + kMaxLostPasses * one;
  if (lost_seconds_ + catching_up > may_lose) return 0;
  Hits& past = HitsOf(match_length);
  const double hit = (past.hits + kPriorHits) / (past.tries + kPriorTries);
  int64_t best = 0;
  double best_rate = 1.0 / one;  // tokens a second
  double tokens = 1;
  double all_right = 1;
  for (int64_t length = 1; length <= n; ++length) {
    all_right *= hit;
    tokens += all_right;
    const double rate = tokens / SecondsOf(1 + length);
    if (rate > best_rate) {
      best_rate = rate;
      best = length;
    }
  }
  if (best == 0) Forget(past);
  return best;
}

// Towards the first guesses: text and machine change.
void DraftPolicy::Forget(Hits& past) {
  past.tries *= kKeepUnused;
  past.hits *= kKeepUnused;
  for (size_t n = 2; n < seconds_.size(); ++n) {
    if (seconds_[n] == 0) continue;
    const double guess = seconds_[1] * (1.0 + kFirstGuess * static_cast<double>(n - 1));
    seconds_[n] = std::min(seconds_[n], guess + kKeepUnused * (seconds_[n] - guess));
  }
}

void DraftPolicy::Record(int64_t match_length, int64_t n_drafted, int64_t n_accepted,
                         Seconds seconds) {
  // No pass costs more than a plain one for each of its tokens: the machine was busy otherwise.
  if (n_drafted > 0) {
    seconds.pass = std::min(seconds.pass, static_cast<double>(1 + n_drafted) * seconds_[1]);
  }
  const double each_time = seconds.pass + seconds.drafting;
  const double all = each_time + seconds.catching_up;
  total_seconds_ += all;
  double& average = seconds_[static_cast<size_t>(1 + n_drafted)];
  average = average == 0 ? each_time : average + kNewest * (each_time - average);
  n_since_plain_ = n_drafted == 0 ? 0 : n_since_plain_ + 1;
  if (n_drafted == 0) return;
  const double saved = static_cast<double>(1 + n_accepted) * seconds_[1] - all;
  lost_seconds_ = std::max(0.0, lost_seconds_ - saved);
  Hits& past = HitsOf(match_length);
  const auto n_tried = static_cast<double>(std::min(n_drafted, n_accepted + 1));
  past.tries = kKeep * past.tries + n_tried;
  past.hits = kKeep * past.hits + static_cast<double>(n_accepted);
}

void Speculation::Append(int32_t token) {
  index_.Append(token);
  if (model_ != nullptr) model_->Append(token);
}

void Speculation::CatchUp() {
  const int64_t n_unread = model_ == nullptr ? 0 : model_->n_unread();
  if (n_unread == 0) return;
  const double start = Now();
  model_->CatchUp();
  seconds_per_unread_ = (Now() - start) / static_cast<double>(n_unread);
}

void Speculation::Clear() {
  index_.Clear();
  if (model_ != nullptr) model_->Clear();
}

std::vector<int32_t> Speculation::DraftFromText(int64_t n) {
  NgramIndex::Match match = index_.Lookup(n);
  if (match.next.empty()) return {};
  match_length_ = match.length;
  const int64_t length = policy_.Choose(match.length, std::ssize(match.next));
  match.next.resize(static_cast<size_t>(length));
  return std::move(match.next);
}

std::vector<int32_t> Speculation::DraftFromModel(int64_t n) {
  // Those of the last pass every draft has to read.
  const bool is_behind = model_->n_unread() > 1 + max_draft_;
  const double catching_up =
      is_behind ? seconds_per_unread_ * static_cast<double>(model_->n_unread()) : 0;
  const int64_t length = model_policy_.Choose(kOfModel, n, catching_up);
  if (length == 0) return {};
  const double start = Now();
  if (is_behind) CatchUp();
  const double caught_up = Now();
  std::vector<int32_t> draft = model_->Draft(length);
  if (!draft.empty()) spent_ = {0, Now() - caught_up, caught_up - start};
  return draft;
}

std::vector<int32_t> Speculation::Draft(int64_t n) {
  n = std::min(n, max_draft_);
  spent_ = {};
  std::vector<int32_t> draft = DraftFromText(n);
  is_by_model_ = draft.empty() && model_ != nullptr;
  if (is_by_model_) draft = DraftFromModel(n);
  last_draft_ = std::ssize(draft);
  return draft;
}

void Speculation::Record(int64_t n_accepted, double seconds) {
  spent_.pass = seconds - spent_.drafting - spent_.catching_up;
  const bool is_plain = last_draft_ == 0;
  if (is_plain || !is_by_model_) policy_.Record(match_length_, last_draft_, n_accepted, spent_);
  if (is_plain || is_by_model_) model_policy_.Record(kOfModel, last_draft_, n_accepted, spent_);
  n_drafted_ += last_draft_;
  n_accepted_ += n_accepted;
}

}  // namespace accllm
