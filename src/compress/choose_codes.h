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

// `type` is a block type, not always that of the recipe. `kept` are the patterns of a matrix that
// was sparse from the start, which every 2:4 recipe keeps; null: none. `inputs` is null for recipes
// that do not calibrate. Errors: those of obs_quantizer.h.
Result<QuantizedMatrix> ChooseCodes(const Recipe& recipe, format::TensorType type,
                                    const WeightMatrix& matrix, const PatternSet* kept,
                                    const InputStatistics* inputs, ThreadPool& pool);

}  // namespace accllm
