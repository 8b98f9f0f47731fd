// The options that choose tokens, the same for every verb that generates.
#pragma once

#include "options.h"
#include "runtime/sampler.h"

namespace accllm::cli {

void DeclareSampler(OptionTable& table, SamplerOptions& sampler);

}  // namespace accllm::cli
