// Tensor names of GGUF files.
#pragma once

#include <string>
#include <string_view>

namespace accllm {

inline constexpr std::string_view kGgufRopeFactorsName = "rope_freqs.weight";  // [head_dim / 2]

// "layers.3.mlp.up_proj" -> "blk.3.ffn_up.weight". A name that is not canonical
// (base/tensor_names.h) comes back as it is.
std::string GgufTensorName(std::string_view canonical);

}  // namespace accllm
