#include "text_generation.h"

#include "console.h"
#include "watched_model.h"

namespace accllm::cli {

Result<Generation> GenerateText(LanguageModel& model, std::span<const int32_t> prompt,
                                const GenerateOptions& options, const SamplerOptions& sampler,
                                Speculation* speculation, TokenOutput& output) {
  Progress progress("reading the prompt");
  WatchedModel watched(model, [&](int64_t done, int64_t total) {
    if (total <= WatchedModel::kShortCall) return true;
    progress.Update(static_cast<double>(done) / static_cast<double>(total));
    return !Interrupted();
  });
  Sampler choice(sampler);
  auto generation = Generate(watched, prompt, options, choice, speculation, [&](int32_t token) {
    output.Push(token);
    return !Interrupted() && output.is_ok();
  });
  if (!generation && Interrupted()) return tl::unexpected(InterruptedError("nothing is kept"));
  if (generation) ACCLLM_RETURN_IF_ERROR(output.Finish());
  return generation;
}

}  // namespace accllm::cli
