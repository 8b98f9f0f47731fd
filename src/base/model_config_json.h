// ModelConfig as JSON, with the field names of a Hugging Face config.json.
#pragma once

#include <string>
#include <string_view>

#include "base/json_fields.h"
#include "base/model_config.h"
#include "base/result.h"

namespace accllm {

// Canonical text: fixed field order, numbers that read back to the same bits.
std::string ModelConfigToJson(const ModelConfig& config);

// Reads the fields that describe the architecture and checks them; other fields are ignored.
// Optional: num_key_value_heads (= num_attention_heads), head_dim (= hidden_size /
// num_attention_heads), rope_theta (10000), rope_scaling or rope_parameters (none; see
// base/rope_scaling.h), tie_word_embeddings (false), bos_token_id and eos_token_id (none; one id or
// a list), and where the architecture has them attention_bias, mlp_bias (false) and sliding_window
// (none). Errors: kNotFound, kCorrupt and kUnsupported, with field.
Result<ModelConfig> ModelConfigFromFields(const JsonObject& fields);

// The same from a text; `path` is the file that errors name.
Result<ModelConfig> ModelConfigFromJson(std::string_view json, const std::string& path);

}  // namespace accllm
