#include "text_generation.h"

#include "console.h"

namespace accllm::cli {

Result<Generation> GenerateText(LanguageModel& model, std::span<const int32_t> prompt,
                                const GenerateOptions& options, const SamplerOptions& sampler,
                                Speculation& speculation, TokenOutput& output, int64_t piece) {
  Progress progress("reading the prompt");
  const int64_t prompt_end = model.position() + std::ssize(prompt);
  const auto watch = [&](int64_t done, int64_t total) {
    // A text that is being generated stops between tokens, where they are kept.
    if (model.position() >= prompt_end) return true;
    progress.Update(static_cast<double>(done) / static_cast<double>(total));
    return !Interrupted();
  };
  WatchedModel watched(model, watch, piece);
  Sampler choice(sampler);
  auto generation = Generate(watched, prompt, options, choice, &speculation, [&](int32_t token) {
    output.Push(token);
    return !Interrupted() && output.is_ok();
  });
  if (!generation && Interrupted()) return tl::unexpected(InterruptedError("nothing is kept"));
  if (generation) ACCLLM_RETURN_IF_ERROR(output.Finish());
  return generation;
}

std::string DraftNote(const Speculation& speculation) {
  if (speculation.n_drafted() == 0) return "";
  return fmt::format(" ({} guessed, {} of them right)", speculation.n_drafted(),
                     speculation.n_accepted());
}

}  // namespace accllm::cli
