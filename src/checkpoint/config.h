// A Hugging Face config.json as a ModelConfig.
#pragma once

#include <string>
#include <string_view>

#include "base/model_config.h"
#include "base/result.h"

namespace accllm {

// Reads the config of one of the architectures in base/architecture.h; `path` is the file that
// errors name. Errors: kUnsupported for any feature the engine would silently get wrong (other
// architecture, activation or rope scaling, layers that attend differently, quantised weights),
// kNotFound and kCorrupt for missing, mistyped and out-of-range fields.
Result<ModelConfig> ParseModelConfig(std::string_view json, const std::string& path);

}  // namespace accllm
