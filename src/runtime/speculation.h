// Lossless speculation: a pass over the weights takes the next token and a guess of those behind it
// (the draft), and keeps what plain decoding would have chosen (Leviathan et al., arXiv
// 2211.17192). Only time is at stake, so drafts are made when the measured times and hits say that
// they pay.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/process_info.h"
#include "runtime/draft_model.h"
#include "runtime/ngram_index.h"

namespace accllm {

// How long a draft should be.
class DraftPolicy {
 public:
  // max_draft: the longest draft, in tokens.
  explicit DraftPolicy(int64_t max_draft) : seconds_(static_cast<size_t>(max_draft) + 2) {}

  // What a pass over the weights took, and what came before it.
  struct Seconds {
    double pass = 0;
    double drafting = 0;
    double catching_up = 0;  // with text that was told long before, which not every draft needs
  };

  // The length, at most n, of a draft that rests on `match_length` equal tokens; 0: none.
  // catching_up: what will be paid before it, in seconds.
  int64_t Choose(int64_t match_length, int64_t n, double catching_up = 0);

  // What a pass took that drafted so many tokens (perhaps none) and kept so many of them.
  void Record(int64_t match_length, int64_t n_drafted, int64_t n_accepted, Seconds seconds);

 private:
  // How often a token of a draft is right if all before it are, with old tries forgotten.
  struct Hits {
    double tries = 0;
    double hits = 0;
  };

  double SecondsOf(int64_t n_tokens) const;
  Hits& HitsOf(int64_t match_length);
  void Forget(Hits& past);

  // Passes of [n] tokens, moving averages; 0: not measured yet.
  std::vector<double> seconds_;
  int64_t n_since_plain_ = 0;      // passes with drafts since the last one without
  std::array<Hits, 6> hits_ = {};  // by the binary order of the match's length
  double total_seconds_ = 0;       // of all passes
  double lost_seconds_ = 0;        // that drafts cost more than they saved; at least 0
};

// Drafts for one text: by its n-grams where it repeats itself, else by a small model if there is
// one.
class Speculation {
 public:
  // Seconds, or any other measure of what passes cost.
  using Clock = std::function<double()>;

  // max_draft: the longest draft, in tokens; 0: none at all. `model` may be null; it outlives this.
  explicit Speculation(int64_t max_draft, Clock clock = MonotonicSeconds,
                       DraftModel* model = nullptr)
      : max_draft_(max_draft),
        clock_(std::move(clock)),
        model_(max_draft > 0 ? model : nullptr),
        policy_(max_draft),
        model_policy_(max_draft) {}

  int64_t max_draft() const { return max_draft_; }
  double Now() const { return clock_(); }

  // Tells of a token of the text, from the prompt or generated.
  void Append(int32_t token);

  // Lets a draft model read what it was told, as a prompt, apart from passes that are weighed.
  void CatchUp();

  // A guess of the next tokens, at most n.
  std::vector<int32_t> Draft(int64_t n);

  // What became of the last draft, and how long its pass took by the clock.
  void Record(int64_t n_accepted, double seconds);

  // Forgets the text, not what was learned about time and hits.
  void Clear();

  int64_t n_drafted() const { return n_drafted_; }
  int64_t n_accepted() const { return n_accepted_; }

 private:
  std::vector<int32_t> DraftFromText(int64_t n);
  std::vector<int32_t> DraftFromModel(int64_t n);

  int64_t max_draft_;
  Clock clock_;
  DraftModel* model_;
  NgramIndex index_;
  DraftPolicy policy_;        // of n-grams
  DraftPolicy model_policy_;  // passes with the draft model take longer
  int64_t match_length_ = 0;  // of the last draft
  int64_t last_draft_ = 0;
  bool is_by_model_ = false;       // the last draft
  DraftPolicy::Seconds spent_;     // on the last draft
  double seconds_per_unread_ = 0;  // that a model took when it last caught up
  int64_t n_drafted_ = 0;
  int64_t n_accepted_ = 0;
};

}  // namespace accllm
