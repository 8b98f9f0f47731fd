#include "sampler_flags.h"

namespace accllm::cli {

void DeclareSampler(OptionTable& table, SamplerOptions& sampler) {
  table.Value("--temp", "T", sampler.temperature, "Temperature; 0: always the most likely token");
  table.Value("--top-k", "K", sampler.top_k, "Keep the K most likely tokens; 0: all");
  table.Value("--top-p", "P", sampler.top_p, "Keep the smallest set with probability P; 1: all");
  table.Value("--min-p", "P", sampler.min_p, "Drop what is less likely than P times the likeliest");
  table.Value("--repetition-penalty", "X", sampler.repetition_penalty,
              "Make seen tokens less likely by this factor; 1: off");
  table.Value("--presence-penalty", "X", sampler.presence_penalty,
              "Subtract from the logits of seen tokens");
  table.Value("--frequency-penalty", "X", sampler.frequency_penalty,
              "Subtract once for each time a token was seen");
  table.Value("--penalty-last-n", "N", sampler.penalty_last_n, "Tokens that count as seen");
  table.Value("--seed", "N", sampler.seed, "The same seed gives the same text");
}

}  // namespace accllm::cli
