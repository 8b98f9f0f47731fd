#include "runtime/generate.h"

#include <algorithm>

#include "base/process_info.h"

namespace accllm {

Result<Generation> Generate(LanguageModel& model, std::span<const int32_t> prompt,
                            const GenerateOptions& options, Sampler& sampler,
                            const std::function<bool(int32_t)>& on_token) {
  if (prompt.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the prompt has no tokens", "give a prompt with -p");
  }
  for (const int32_t token : prompt) sampler.Accept(token);
  Generation result;
  std::vector<float> logits(static_cast<size_t>(model.vocab_size()));
  const double start = MonotonicSeconds();
  ACCLLM_RETURN_IF_ERROR(model.Append(prompt, 1, logits.data()));
  const double prefilled = MonotonicSeconds();
  result.prefill_seconds = prefilled - start;
  for (int64_t i = 0; i < options.max_new_tokens; ++i) {
    if (i > 0) {
      ACCLLM_RETURN_IF_ERROR(model.Append(std::span(result.tokens).last(1), 1, logits.data()));
    }
    const int32_t token = sampler.Sample(logits);
    const bool is_stop = std::find(options.stop_tokens.begin(), options.stop_tokens.end(),
                                   int64_t{token}) != options.stop_tokens.end();
    if (is_stop) break;
    sampler.Accept(token);
    result.tokens.push_back(token);
    if (!on_token(token)) break;
  }
  result.decode_seconds = MonotonicSeconds() - prefilled;
  return result;
}

}  // namespace accllm
