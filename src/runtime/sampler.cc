#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/split_mix64.h"

namespace accllm {
namespace {

constexpr double kBinsPerNat = 16;

}  // namespace

Status CheckSamplerOptions(const SamplerOptions& o) {
  struct Rule {
    bool is_broken;
    const char* text;
  };
  const Rule rules[] = {
      {!(o.temperature >= 0) || !std::isfinite(o.temperature), "--temp must be at least 0"},
      {o.top_k < 0, "--top-k must be at least 0"},
      {!(o.top_p > 0 && o.top_p <= 1), "--top-p must be above 0 and at most 1"},
      {!(o.min_p >= 0 && o.min_p <= 1), "--min-p must be in 0..1"},
      {!(o.repetition_penalty > 0) || !std::isfinite(o.repetition_penalty),
       "--repetition-penalty must be above 0"},
      {!std::isfinite(o.presence_penalty), "--presence-penalty must be finite"},
      {!std::isfinite(o.frequency_penalty), "--frequency-penalty must be finite"},
      {o.penalty_last_n < 0 || o.penalty_last_n > (int64_t{1} << 24),
       "--penalty-last-n must be in 0..16777216"},
  };
  for (const Rule& rule : rules) {
    if (rule.is_broken) return Fail(ErrorCode::kInvalidArgument, rule.text);
  }
  return {};
}

Sampler::Sampler(const SamplerOptions& options) : options_(options), random_state_(options.seed) {}

void Sampler::Accept(int32_t token) {
  const auto limit = static_cast<size_t>(options_.penalty_last_n);
  if (limit == 0) return;
  if (seen_.size() < limit) {
    seen_.push_back(token);
  } else {
    seen_[next_seen_] = token;
    next_seen_ = (next_seen_ + 1) % limit;
  }
}

void Sampler::ApplyPenalties() {
  if (options_.repetition_penalty == 1.0F && options_.presence_penalty == 0.0F &&
      options_.frequency_penalty == 0.0F) {
    return;
  }
  std::map<int32_t, int> counts;
  for (const int32_t token : seen_) ++counts[token];
  for (const auto& [token, count] : counts) {
    if (token < 0 || static_cast<size_t>(token) >= logits_.size()) continue;
    float& logit = logits_[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    logit -= options_.presence_penalty + options_.frequency_penalty * static_cast<float>(count);
    // Extreme penalties overflow; what follows takes numbers.
    constexpr float kLargest = std::numeric_limits<float>::max();
    logit = std::isnan(logit) ? -kLargest : std::clamp(logit, -kLargest, kLargest);
  }
}

// All tokens, or those that top-k leaves.
void Sampler::FindCandidates() {
  const size_t n = logits_.size();
  const double largest = static_cast<double>(*std::max_element(logits_.begin(), logits_.end()));
  const auto temperature = static_cast<double>(options_.temperature);
  bins_.resize(n);
  bin_ends_ = {};
  for (size_t i = 0; i < n; ++i) {
    const double lag = (largest - static_cast<double>(logits_[i])) / temperature * kBinsPerNat;
    const auto bin = static_cast<uint16_t>(std::min<double>(lag, kBins - 1));
    bins_[i] = bin;
    ++bin_ends_[bin];
  }
  // Where each bin begins, until its candidates are in it.
  std::exclusive_scan(bin_ends_.begin(), bin_ends_.end(), bin_ends_.begin(), size_t{0});
  candidates_.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const double lead = static_cast<double>(logits_[i]) - largest;
    candidates_[bin_ends_[bins_[i]]++] = {static_cast<int32_t>(i), logits_[i],
                                          std::exp(lead / temperature)};
  }
  next_bin_ = 0;
  n_sorted_ = 0;
  n_taken_ = 0;
  const auto top_k = static_cast<size_t>(options_.top_k);
  if (top_k == 0 || top_k >= n) return;
  while (n_sorted_ < top_k) SortNextBin();
  candidates_.resize(top_k);
  n_sorted_ = top_k;
}

void Sampler::SortNextBin() {
  const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(n_sorted_);
  n_sorted_ = bin_ends_[next_bin_++];
  std::sort(begin, candidates_.begin() + static_cast<std::ptrdiff_t>(n_sorted_), IsLikelier);
}

// The likeliest that was not taken yet; there must be one.
const Sampler::Candidate& Sampler::TakeNext() {
  while (n_taken_ == n_sorted_) SortNextBin();
  return candidates_[n_taken_++];
}

// Leaves what top-p and min-p leave; returns the sum of their probabilities.
double Sampler::TakeLikely() {
  double total = 0;
  for (const Candidate& c : candidates_) total += c.probability;
  if (options_.top_p >= 1.0F && options_.min_p == 0.0F) return total;
  const double enough = static_cast<double>(options_.top_p) * total;
  double sum = 0;
  while (n_taken_ < candidates_.size() &&
         (n_taken_ == 0 || sum < enough || options_.top_p >= 1.0F)) {
    const double probability = TakeNext().probability;
    if (probability < static_cast<double>(options_.min_p)) {
      --n_taken_;
      break;
    }
    sum += probability;
  }
  candidates_.resize(n_taken_);
  n_sorted_ = n_taken_;
  n_taken_ = 0;
  return sum;
}

double Sampler::NextUniform() {
  return static_cast<double>(SplitMix64(random_state_) >> 11) * 0x1p-53;
}

int32_t Sampler::Sample(std::span<const float> logits) {
  logits_.assign(logits.begin(), logits.end());
  ApplyPenalties();
  if (options_.temperature == 0.0F) {
    return static_cast<int32_t>(std::max_element(logits_.begin(), logits_.end()) - logits_.begin());
  }
  FindCandidates();
  double left = NextUniform() * TakeLikely();
  int32_t token = 0;
  while (left >= 0 && n_taken_ < candidates_.size()) {
    const Candidate& next = TakeNext();
    token = next.token;
    left -= next.probability;
  }
  return token;
}

}  // namespace accllm
