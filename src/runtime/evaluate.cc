#include "runtime/evaluate.h"

#include <algorithm>
#include <cmath>

#include "base/index.h"
#include "base/process_info.h"

namespace accllm {
namespace {

// Tokens whose logits are held at a time.
constexpr int64_t kPiece = 64;

struct Prediction {
  double nll = 0;
  double kl = 0;
  bool same_top = false;
};

// log(sum(exp(logits)))
double LogSumExp(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += static_cast<double>(std::exp(logit - largest));
  return static_cast<double>(largest) + std::log(total);
}

size_t ArgMax(std::span<const float> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Scores one row; `other` is empty without a model to compare with.
Prediction Score(std::span<const float> logits, std::span<const float> other, int32_t next) {
  Prediction result;
  const double norm = LogSumExp(logits);
  result.nll = norm - static_cast<double>(logits[static_cast<size_t>(next)]);
  if (other.empty()) return result;
  const double other_norm = LogSumExp(other);
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_p = static_cast<double>(other[i]) - other_norm;
    const double log_q = static_cast<double>(logits[i]) - norm;
    result.kl += static_cast<double>(std::exp(static_cast<float>(log_p))) * (log_p - log_q);
  }
  result.same_top = ArgMax(logits) == ArgMax(other);
  return result;
}

// Runs both models over pieces of text and scores every prediction.
class Scorer {
 public:
  Scorer(LanguageModel& model, LanguageModel* against, ThreadPool& pool)
      : model_(model), against_(against), pool_(pool) {
    const auto size = static_cast<size_t>(kPiece * model.vocab_size());
    logits_.resize(size);
    if (against != nullptr) other_logits_.resize(size);
  }

  // Appends `tokens` (at most kPiece) and scores what they predict: next[i] follows tokens[i]. The
  // last token of a text has no next one, so `next` may be one shorter.
  Status Run(std::span<const int32_t> tokens, std::span<const int32_t> next) {
    const auto n = static_cast<int64_t>(tokens.size());
    const double start = MonotonicSeconds();
    ACCLLM_RETURN_IF_ERROR(model_.Append(tokens, n, logits_.data()));
    seconds_ += MonotonicSeconds() - start;
    if (against_ != nullptr) {
      ACCLLM_RETURN_IF_ERROR(against_->Append(tokens, n, other_logits_.data()));
    }
    predictions_.resize(next.size());
    pool_.ParallelFor(static_cast<int64_t>(next.size()), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        predictions_[Index(i)] = Score(Row(logits_, i), Row(other_logits_, i), next[Index(i)]);
      }
    });
    return {};
  }

  const std::vector<Prediction>& predictions() const { return predictions_; }
  double seconds() const { return seconds_; }

 private:
  std::span<const float> Row(const std::vector<float>& logits, int64_t i) const {
    if (logits.empty()) return {};
    const auto vocab = static_cast<size_t>(model_.vocab_size());
    return std::span(logits).subspan(Index(i) * vocab, vocab);
  }

  LanguageModel& model_;
  LanguageModel* against_;
  ThreadPool& pool_;
  std::vector<float> logits_;        // [kPiece, vocab]
  std::vector<float> other_logits_;  // [kPiece, vocab]
  std::vector<Prediction> predictions_;
  double seconds_ = 0;
};

// Adds predictions up; becomes means at the end.
struct Sums {
  int64_t n = 0;
  double nll = 0;
  double kl = 0;
  int64_t same_top = 0;

  void Add(const std::vector<Prediction>& predictions) {
    for (const Prediction& p : predictions) {
      ++n;
      nll += p.nll;
      kl += p.kl;
      same_top += p.same_top ? 1 : 0;
    }
  }

  void Store(EvalResult& result) const {
    const auto count = static_cast<double>(n);
    result.predictions = n;
    result.mean_nll = nll / count;
    result.kl = kl / count;
    result.top1_agreement = static_cast<double>(same_top) / count;
  }
};

Status Report(const EvalProgress& progress, int64_t tokens_done) {
  if (progress(tokens_done)) return {};
  return Fail(ErrorCode::kInterrupted, fmt::format("stopped after {} tokens", tokens_done));
}

// A piece of text from `begin` on, and the tokens that follow each of its tokens before `limit`.
struct Piece {
  std::span<const int32_t> tokens;
  std::span<const int32_t> next;

  Piece(std::span<const int32_t> text, int64_t begin, int64_t limit) {
    const int64_t n = std::min(kPiece, limit - begin);
    tokens = text.subspan(Index(begin), Index(n));
    next = text.subspan(Index(begin + 1), Index(std::min(n, limit - begin - 1)));
  }
};

Result<EvalResult> EvaluateWindows(LanguageModel& model, LanguageModel* against,
                                   std::span<const int32_t> tokens, int64_t window,
                                   ThreadPool& pool, const EvalProgress& progress) {
  const auto n_windows = static_cast<int64_t>(tokens.size()) / window;
  if (n_windows == 0 || window < 2) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} tokens do not fill a window of {}", tokens.size(), window),
                "give a longer text or a smaller --window-tokens (at least 2)");
  }
  Scorer scorer(model, against, pool);
  Sums sums;
  for (int64_t w = 0; w < n_windows; ++w) {
    model.Reset();
    if (against != nullptr) against->Reset();
    for (int64_t begin = w * window; begin < (w + 1) * window; begin += kPiece) {
      const Piece piece(tokens, begin, (w + 1) * window);
      ACCLLM_RETURN_IF_ERROR(scorer.Run(piece.tokens, piece.next));
      sums.Add(scorer.predictions());
    }
    ACCLLM_RETURN_IF_ERROR(Report(progress, (w + 1) * window));
  }
  EvalResult result;
  sums.Store(result);
  result.seconds = scorer.seconds();
  return result;
}

// Compares predictions of the stream with predictions from nothing but the visible tokens.
class Recomputer {
 public:
  Recomputer(LanguageModel* fresh, std::span<const int32_t> tokens, const EvalOptions& options)
      : fresh_(fresh), tokens_(tokens), options_(options) {
    const auto n = static_cast<int64_t>(tokens.size());
    if (options.recompute_samples > 0)
      stride_ = std::max<int64_t>(1, n / 10 / options.recompute_samples);
    if (fresh != nullptr) logits_.resize(static_cast<size_t>(fresh->vocab_size()));
  }

  // predictions[i] belongs to the token at position begin + i.
  Status Check(int64_t begin, const std::vector<Prediction>& predictions, EvalSegment& segment) {
    if (stride_ == 0) return {};
    for (size_t i = 0; i < predictions.size(); ++i) {
      const int64_t position = begin + static_cast<int64_t>(i);
      if (position % stride_ != stride_ / 2) continue;
      ACCLLM_ASSIGN_OR_RETURN(const double nll, Recompute(position));
      ++segment.samples;
      segment.sampled_nll += predictions[i].nll;
      segment.recomputed_nll += nll;
    }
    return {};
  }

 private:
  Result<double> Recompute(int64_t position) {
    std::vector<int32_t> visible;
    const int64_t first =
        options_.window == 0 ? 0 : std::max<int64_t>(0, position - options_.window + 1);
    for (int64_t p = 0; p <= position; ++p) {
      if (p >= options_.n_sinks && p < first) p = first;
      visible.push_back(tokens_[Index(p)]);
    }
    fresh_->Reset();
    ACCLLM_RETURN_IF_ERROR(fresh_->Append(visible, 1, logits_.data()));
    return Score(logits_, {}, tokens_[Index(position + 1)]).nll;
  }

  LanguageModel* fresh_;
  std::span<const int32_t> tokens_;
  const EvalOptions& options_;
  int64_t stride_ = 0;
  std::vector<float> logits_;
};

Result<EvalResult> EvaluateStream(LanguageModel& model, LanguageModel* against,
                                  LanguageModel* fresh, std::span<const int32_t> tokens,
                                  const EvalOptions& options, ThreadPool& pool,
                                  const EvalProgress& progress) {
  const auto n = static_cast<int64_t>(tokens.size());
  if (n < 2) {
    return Fail(ErrorCode::kInvalidArgument, "the text has fewer than two tokens",
                "give a longer text");
  }
  model.Reset();
  if (against != nullptr) against->Reset();
  Scorer scorer(model, against, pool);
  Recomputer recomputer(fresh, tokens, options);
  EvalResult result;
  Sums sums;
  for (int64_t tenth = 0; tenth < 10; ++tenth) {
    EvalSegment segment;
    Sums part;
    const double seconds_before = scorer.seconds();
    const int64_t end = n * (tenth + 1) / 10;
    for (int64_t begin = n * tenth / 10; begin < end; begin += kPiece) {
      // The last token of a tenth predicts the first of the next; only the text's last predicts
      // none.
      const Piece piece(tokens, begin, std::min(n, end + 1));
      const int64_t n_piece = std::min(kPiece, end - begin);
      ACCLLM_RETURN_IF_ERROR(
          scorer.Run(piece.tokens.first(Index(n_piece)),
                     piece.next.first(std::min(piece.next.size(), Index(n_piece)))));
      part.Add(scorer.predictions());
      ACCLLM_RETURN_IF_ERROR(recomputer.Check(begin, scorer.predictions(), segment));
      ACCLLM_RETURN_IF_ERROR(Report(progress, begin + n_piece));
    }
    segment.predictions = part.n;
    segment.mean_nll = part.nll / static_cast<double>(std::max<int64_t>(1, part.n));
    segment.seconds = scorer.seconds() - seconds_before;
    segment.resident_bytes = ResidentBytes();
    if (segment.samples > 0) {
      segment.sampled_nll /= static_cast<double>(segment.samples);
      segment.recomputed_nll /= static_cast<double>(segment.samples);
    }
    result.tenths.push_back(segment);
    sums.n += part.n;
    sums.nll += part.nll;
    sums.kl += part.kl;
    sums.same_top += part.same_top;
  }
  sums.Store(result);
  result.seconds = scorer.seconds();
  return result;
}

}  // namespace

double EvalResult::perplexity() const { return std::exp(mean_nll); }

Result<EvalResult> Evaluate(LanguageModel& model, LanguageModel* against, LanguageModel* fresh,
                            std::span<const int32_t> tokens, const EvalOptions& options,
                            ThreadPool& pool, const EvalProgress& progress) {
  if (against != nullptr && against->vocab_size() != model.vocab_size()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("vocabularies differ: {} and {}", model.vocab_size(), against->vocab_size()),
        "compare a model with the checkpoint it was made from");
  }
  if (options.window_tokens > 0) {
    return EvaluateWindows(model, against, tokens, options.window_tokens, pool, progress);
  }
  return EvaluateStream(model, against, fresh, tokens, options, pool, progress);
}

}  // namespace accllm
