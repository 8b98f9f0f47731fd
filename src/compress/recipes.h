// The recipes: how a checkpoint's linear layers become packed tensors.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "spec/packed_format.h"

namespace accllm {

// How the two survivors of each four weights are chosen.
enum class Pruning {
  kNone,       // dense
  kMagnitude,  // the largest
  kWanda,      // the largest |w| * |x|
  kSparseGpt,  // the largest w^2 / [H^-1]_kk, while the errors of earlier columns are made up for
  kJoint,      // whatever the best code keeps
};

// How the survivors become levels.
enum class Rounding {
  kNearest,  // each by itself
  kObs,      // one pass over the columns; later columns make up for the errors of earlier ones
};

// What gradient descent does after that.
enum class Tuning {
  kNone,
  // Each block is trained to do what the float block did; then all scales, norms and the head,
  // for the model to predict what the float model predicts.
  kBlocks,
  kModel,  // after the blocks the whole model, likewise
};

// One recipe. Every recipe that calibrates goes through the layers in order, on the inputs that
// what is compressed already gives.
struct Recipe {
  std::string_view name;
  Pruning pruning;
  Rounding rounding;
  format::TensorType type;  // of the linear layers
  // The method of this project: smoothing, corrected targets and refinement on top. The others are
  // plain, so that they stand for what was published.
  bool is_own;
  Tuning tuning;
  std::string_view summary;

  bool calibrates() const { return pruning >= Pruning::kWanda || rounding == Rounding::kObs; }
};

// All of them, from the simplest to the best.
std::span<const Recipe> Recipes();

// The recipe that `compress` takes by itself.
const Recipe& DefaultRecipe();

// By name; "rtn" is another name of magnitude-nearest. Errors: kInvalidArgument (lists all names).
Result<const Recipe*> RecipeByName(std::string_view name);

// The recipe that does the same with a codebook of this kind: "2:4" (the recipe itself) or "free".
// Errors: kInvalidArgument for any other kind, and for recipes that only do 2:4.
Result<const Recipe*> WithCodebook(const Recipe& recipe, std::string_view codebook);

// "a, b, c" of all names.
std::string RecipeNames();

}  // namespace accllm
