#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/split_mix64.h"

namespace accllm {
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

void Sampler::ApplyPenalties(std::vector<float>& logits) const {
  if (options_.repetition_penalty == 1.0F && options_.presence_penalty == 0.0F &&
      options_.frequency_penalty == 0.0F) {
    return;
  }
  std::map<int32_t, int> counts;
  for (const int32_t token : seen_) ++counts[token];
  for (const auto& [token, count] : counts) {
    if (token < 0 || static_cast<size_t>(token) >= logits.size()) continue;
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    logit -= options_.presence_penalty + options_.frequency_penalty * static_cast<float>(count);
  }
}

// Cuts the list, sorted by descending logit, to what top-k, top-p and min-p leave.
void Sampler::KeepLikely(std::vector<Candidate>& candidates) const {
  if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < candidates.size()) {
    candidates.resize(static_cast<size_t>(options_.top_k));
  }
  double total = 0;
  for (Candidate& c : candidates) {
    c.probability = std::exp((static_cast<double>(c.logit) - candidates.front().logit) /
                             static_cast<double>(options_.temperature));
    total += c.probability;
  }
  double sum = 0;
  size_t n = 0;
  const double enough = static_cast<double>(options_.top_p) * total;
  while (n < candidates.size() && (n == 0 || sum < enough || options_.top_p >= 1.0F)) {
    // Probabilities here are relative to the most likely token, whose own is 1.
    if (candidates[n].probability < static_cast<double>(options_.min_p)) break;
    sum += candidates[n++].probability;
  }
  candidates.resize(n);
}

double Sampler::NextUniform() {
  return static_cast<double>(SplitMix64(random_state_) >> 11) * 0x1p-53;
}

int32_t Sampler::Sample(std::span<const float> logits) {
  std::vector<float> adjusted(logits.begin(), logits.end());
  ApplyPenalties(adjusted);
  if (options_.temperature == 0.0F) {
    return static_cast<int32_t>(std::max_element(adjusted.begin(), adjusted.end()) -
                                adjusted.begin());
  }
  std::vector<Candidate> candidates;
  candidates.reserve(adjusted.size());
  for (size_t i = 0; i < adjusted.size(); ++i) {
    candidates.push_back({static_cast<int32_t>(i), adjusted[i], 0.0});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.logit > b.logit; });
  KeepLikely(candidates);
  double total = 0;
  for (const Candidate& c : candidates) total += c.probability;
  double left = NextUniform() * total;
  for (const Candidate& c : candidates) {
    left -= c.probability;
    if (left < 0) return c.token;
  }
  return candidates.back().token;
}

}  // namespace accllm
