// The metadata of a GGUF file as a ModelConfig, and back.
#pragma once

#include <string>

#include "base/model_config.h"
#include "base/result.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_writer.h"

namespace accllm {

// Errors: kUnsupported for architectures other than those of base/architecture.h and for features
// that would silently go wrong (experts, partial or unknown kinds of scaled rotary positions);
// kNotFound and kCorrupt with the key for values that are missing or out of range.
Result<ModelConfig> GgufModelConfig(const GgufFile& file);

// Adds the entries of the architecture; `name` is what the model is called. Errors: kUnsupported
// for configurations that GGUF cannot express.
Status AddGgufConfig(const ModelConfig& config, const std::string& name,
                     GgufMetadataWriter* metadata);

// Whether the rotary factors need the tensor kGgufRopeFactorsName: they differ from each other.
bool NeedsRopeFactorsTensor(const ModelConfig& config);

// Whether q_proj and k_proj lie in the order of rope_rows.h.
bool InterleavesRopeRows(const ModelConfig& config);

}  // namespace accllm
