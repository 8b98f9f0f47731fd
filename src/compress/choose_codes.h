// How one weight matrix becomes codes under a recipe.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/obs_quantizer.h"
#include "compress/patterns.h"
#include "compress/recipes.h"
#include "linalg/linalg.h"
#include "packed/quantized_matrix.h"

namespace accllm {

// What calibration knows of a layer's inputs x.
struct InputStatistics {
  std::vector<float> h;   // [cols, cols], the sum of x x^T
  InverseFactor inverse;  // of h, damped
};

// Share of the mean of H's diagonal that is added to its diagonal before it is inverted. Higher
// for the project's own recipes than the 0.01 of GPTQ and SparseGPT: there it also holds the
// corrected weights near the original ones.
constexpr double DampingOf(const Recipe& recipe) { return recipe.is_own ? 0.05 : 0.01; }

// `type` is a block type, not always that of the recipe. `kept` are the patterns of a matrix that
// was sparse from the start, which every 2:4 recipe keeps; null: none. `inputs` is null for recipes
// that do not calibrate. Errors: those of obs_quantizer.h.
Result<QuantizedMatrix> ChooseCodes(const Recipe& recipe, format::TensorType type,
                                    const WeightMatrix& matrix, const PatternSet* kept,
                                    const InputStatistics* inputs, ThreadPool& pool);

}  // namespace accllm
