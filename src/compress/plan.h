// Which type every tensor of a packed model takes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/model_config.h"
#include "base/result.h"
#include "compress/compress.h"
#include "packed/packed_writer.h"

namespace accllm {

// Whether `text` matches `pattern`, where * stands for any characters and ? for one.
bool GlobMatches(std::string_view pattern, std::string_view text);

// All tensors in file order. Linear layers are `linear_type`, embedding and lm_head W8, norms F32,
// unless `keep_dense` says otherwise. Errors: kInvalidArgument for a pattern that matches no
// matrix.
Result<std::vector<TensorPlan>> PlanTensors(const ModelConfig& config,
                                            format::TensorType linear_type,
                                            const std::vector<KeepDense>& keep_dense);

}  // namespace accllm
