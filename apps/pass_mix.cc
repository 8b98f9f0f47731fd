#include "pass_mix.h"

#include <charconv>

#include "base/index.h"

namespace accllm::cli {
namespace {

// A whole number above 0 in front of `text`, which it is taken from; 0 if there is none.
int64_t TakeNumber(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return 0;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

Result<PassMix::Kind> ParseKind(std::string_view text, int64_t slots) {
  constexpr int64_t kMaxCount = 1'000'000'000;
  PassMix::Kind kind;
  std::string_view rest = text;
  kind.count = TakeNumber(rest);
  const bool has_times = rest.starts_with('x');
  if (has_times) rest.remove_prefix(1);
  kind.n_tokens = TakeNumber(rest);
  const bool is_valid = has_times && rest.empty() && kind.count > 0 && kind.count <= kMaxCount &&
                        kind.n_tokens > 0 && kind.n_tokens <= slots;
  if (is_valid) return kind;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("--passes '{}' is not understood", text),
              fmt::format("give passes times their tokens, at most {} on this target, as "
                          "122x1,705x2",
                          slots));
}

}  // namespace

Result<PassMix> ParsePassMix(std::span<const std::string> texts, int64_t generated, int64_t slots) {
  PassMix mix;
  int64_t n_passes = 0;
  int64_t n_tokens = 0;
  for (const std::string& text : texts) {
    ACCLLM_ASSIGN_OR_RETURN(const PassMix::Kind kind, ParseKind(text, slots));
    n_passes += kind.count;
    n_tokens += kind.count * kind.n_tokens;
    mix.kinds.push_back(kind);
  }
  mix.generated = generated == 0 ? n_tokens : generated;
  if (mix.generated >= n_passes && mix.generated <= n_tokens) return mix;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("--generated {} is impossible: {} passes of {} tokens together",
                          mix.generated, n_passes, n_tokens),
              "every pass gives a token at least, and no more than it runs");
}

Result<PassMixEstimate> EstimatePassMix(const PassMix& mix,
                                        std::span<const accel::PassEstimate> passes,
                                        const accel::EnergyCoefficients& coefficients) {
  PassMixEstimate estimate;
  estimate.mix = mix;
  accel::EnergyCounts counts;
  for (const PassMix::Kind& kind : mix.kinds) {
    counts.Add(passes[Index(kind.n_tokens - 1)].counts, static_cast<double>(kind.count));
  }
  const auto generated = static_cast<double>(mix.generated);
  estimate.tokens_per_s = generated / counts.seconds;
  ACCLLM_ASSIGN_OR_RETURN(
      estimate.chip,
      accel::EstimateEnergy(counts, generated, accel::EnergyScope::kChip, coefficients));
  ACCLLM_ASSIGN_OR_RETURN(
      estimate.card,
      accel::EstimateEnergy(counts, generated, accel::EnergyScope::kCard, coefficients));
  return estimate;
}

std::string Describe(const PassMix& mix) {
  std::string text;
  for (const PassMix::Kind& kind : mix.kinds) {
    text += fmt::format("{}{}x{}", text.empty() ? "" : ",", kind.count, kind.n_tokens);
  }
  return fmt::format("{}: {} tokens", text, mix.generated);
}

}  // namespace accllm::cli
