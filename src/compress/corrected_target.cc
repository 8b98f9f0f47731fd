#include "compress/corrected_target.h"

#include "linalg/linalg.h"

namespace accllm {

Result<std::vector<float>> CorrectedTarget(const WeightMatrix& matrix,
                                           std::span<const float> deviation,
                                           const InverseFactor& inverse, ThreadPool& pool) {
  if (deviation.size() != matrix.weights.size() ||
      inverse.upper.size() != static_cast<size_t>(matrix.cols * matrix.cols)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: weights, deviation and second moment do not belong together",
                            matrix.name));
  }
  std::vector<float> target(deviation.begin(), deviation.end());
  MultiplyByInverse(inverse, matrix.cols, target, pool);
  for (size_t i = 0; i < target.size(); ++i) target[i] += matrix.weights[i];
  return target;
}

}  // namespace accllm
