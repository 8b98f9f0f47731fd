// Where the low-rank parts of a model go in its file.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "packed/packed_writer.h"

namespace accllm {

// The plan with both halves of a low-rank part of rank `rank` behind every quantised linear layer
// of a block; the plan itself if `rank` is 0. Errors: kInvalidArgument if a layer is too small for
// the rank, or none is quantised.
Result<std::vector<TensorPlan>> WithLowRank(std::vector<TensorPlan> plan, int64_t rank);

}  // namespace accllm
