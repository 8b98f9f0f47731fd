#include "compress/low_rank_plan.h"

#include <algorithm>

#include "base/tensor_names.h"

namespace accllm {
namespace {

bool TakesLowRank(const TensorPlan& tensor) {
  return IsBlockType(tensor.type) && tensor.name.starts_with("layers.");
}

}  // namespace

Result<std::vector<TensorPlan>> WithLowRank(std::vector<TensorPlan> plan, int64_t rank) {
  if (rank == 0) return plan;
  if (std::none_of(plan.begin(), plan.end(), TakesLowRank)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--lowrank {}: no linear layer is quantised", rank),
                "leave it out, or keep fewer layers as f16");
  }
  std::vector<TensorPlan> with;
  for (TensorPlan& tensor : plan) {
    with.push_back(std::move(tensor));
    const TensorPlan linear = with.back();
    if (!TakesLowRank(linear)) continue;
    const int64_t most = std::min(linear.rows, linear.cols);
    if (rank > most) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("--lowrank {}: {} is [{}, {}]", rank, linear.name, linear.rows, linear.cols),
          fmt::format("give a rank of at most {}", most));
    }
    with.push_back({LowRankNameA(linear.name), format::TensorType::kI8, rank, linear.cols});
    with.push_back({LowRankNameB(linear.name), format::TensorType::kI8, rank, linear.rows});
  }
  return with;
}

}  // namespace accllm
