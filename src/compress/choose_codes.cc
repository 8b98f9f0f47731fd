#include "compress/choose_codes.h"

#include <cassert>

namespace accllm {
namespace {

using format::TensorType;

// Sweeps of coordinate descent after the single pass; more gain little.
constexpr int kRefineSweeps = 3;

// Nearest levels of the survivors that `patterns` leaves.
Result<QuantizedMatrix> NearestOf(const WeightMatrix& matrix, const PatternSet& patterns,
                                  ThreadPool& pool) {
  const std::vector<float> survivors = Masked(matrix.weights, matrix.cols, patterns);
  return QuantizeNearest24({survivors, matrix.rows, matrix.cols, matrix.name}, pool, &patterns);
}

Result<QuantizedMatrix> SparseGptThenNearest(const WeightMatrix& matrix,
                                             const InverseFactor& inverse, ThreadPool& pool) {
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> pruned, PruneSparseGpt24(matrix, inverse, pool));
  const auto patterns = KeptPatterns(pruned, matrix.rows, matrix.cols);
  return QuantizeNearest24({pruned, matrix.rows, matrix.cols, matrix.name}, pool,
                           patterns ? &*patterns : nullptr);
}

Result<QuantizedMatrix> JointAndRefined(TensorType type, const WeightMatrix& matrix,
                                        const PatternSet* kept, const InputStatistics& inputs,
                                        ThreadPool& pool) {
  auto quantized = type == TensorType::kW2Free
                       ? QuantizeJointFree(matrix, inputs.h, inputs.inverse, pool)
                       : QuantizeJoint24(matrix, inputs.inverse, pool, kept);
  if (!quantized) return quantized;
  ACCLLM_RETURN_IF_ERROR(
      Refine(matrix, inputs.h, inputs.inverse.damping, kRefineSweeps, *quantized, pool, kept));
  return quantized;
}

PatternSet MaskOf(Pruning pruning, const WeightMatrix& matrix, const InputStatistics* inputs) {
  if (pruning == Pruning::kWanda) {
    return WandaPatterns(matrix.weights, matrix.rows, matrix.cols, inputs->h);
  }
  const std::vector<float> ones(static_cast<size_t>(matrix.cols), 1.0F);
  return LargestPatterns(matrix.weights, matrix.rows, matrix.cols, ones);
}

Result<QuantizedMatrix> Choose24(const Recipe& recipe, const WeightMatrix& matrix,
                                 const PatternSet* kept, const InputStatistics* inputs,
                                 ThreadPool& pool) {
  if (!recipe.calibrates()) return QuantizeNearest24(matrix, pool, kept);
  if (recipe.is_own) return JointAndRefined(TensorType::kW2S24, matrix, kept, *inputs, pool);
  if (recipe.pruning == Pruning::kSparseGpt && kept == nullptr) {
    return recipe.rounding == Rounding::kObs ? QuantizeSparseGpt24(matrix, inputs->inverse, pool)
                                             : SparseGptThenNearest(matrix, inputs->inverse, pool);
  }
  const PatternSet mask = kept != nullptr ? *kept : MaskOf(recipe.pruning, matrix, inputs);
  return recipe.rounding == Rounding::kObs ? QuantizeJoint24(matrix, inputs->inverse, pool, &mask)
                                           : NearestOf(matrix, mask, pool);
}

}  // namespace

Result<QuantizedMatrix> ChooseCodes(const Recipe& recipe, TensorType type,
                                    const WeightMatrix& matrix, const PatternSet* kept,
                                    const InputStatistics* inputs, ThreadPool& pool) {
  assert(inputs != nullptr || !recipe.calibrates());
  if (type == TensorType::kW2S24) return Choose24(recipe, matrix, kept, inputs, pool);
  if (type == TensorType::kW2Free) return JointAndRefined(type, matrix, nullptr, *inputs, pool);
  if (recipe.rounding == Rounding::kObs) {
    return QuantizeObsDense(type, matrix, inputs->inverse, pool);
  }
  return QuantizeDense(type, matrix.rows, matrix.cols, matrix.weights);
}

}  // namespace accllm
