#include "compress/recipes.h"

#include <algorithm>
#include <array>

namespace accllm {
namespace {

using format::TensorType;

constexpr std::string_view kDefaultName = "tuned";

constexpr auto k24 = TensorType::kW2S24;
constexpr auto kFree = TensorType::kW2Free;
constexpr std::string_view kFreeSuffix = "-free";

constexpr auto kRecipes = std::to_array<Recipe>({
    {"magnitude-nearest", Pruning::kMagnitude, Rounding::kNearest, k24, false, Tuning::kNone,
     "largest weights, nearest levels; no calibration"},
    {"magnitude-gptq", Pruning::kMagnitude, Rounding::kObs, k24, false, Tuning::kNone,
     "largest weights, GPTQ with that mask"},
    {"wanda-nearest", Pruning::kWanda, Rounding::kNearest, k24, false, Tuning::kNone,
     "Wanda's mask, nearest levels"},
    {"wanda-gptq", Pruning::kWanda, Rounding::kObs, k24, false, Tuning::kNone,
     "Wanda's mask, GPTQ with it"},
    {"sparsegpt-nearest", Pruning::kSparseGpt, Rounding::kNearest, k24, false, Tuning::kNone,
     "SparseGPT's mask and weights, nearest levels"},
    {"sparsegpt-gptq", Pruning::kSparseGpt, Rounding::kObs, k24, false, Tuning::kNone,
     "SparseGPT's mask and GPTQ in one pass"},
    {"joint", Pruning::kJoint, Rounding::kObs, k24, true, Tuning::kNone,
     "mask and levels chosen together, smoothing, corrected targets, refinement"},
    {"tuned", Pruning::kJoint, Rounding::kObs, k24, true, Tuning::kBlocks,
     "joint, then each block is trained to do what the float block did, then all scales and the "
     "head"},
    {"distilled", Pruning::kJoint, Rounding::kObs, k24, true, Tuning::kModel,
     "blocks as tuned, then the whole model is trained to predict what the float model predicts"},
    {"joint-free", Pruning::kNone, Rounding::kObs, kFree, true, Tuning::kNone,
     "as joint, each tensor with a codebook of its own instead of 2:4"},
    {"tuned-free", Pruning::kNone, Rounding::kObs, kFree, true, Tuning::kBlocks,
     "as tuned, from joint-free"},
    {"distilled-free", Pruning::kNone, Rounding::kObs, kFree, true, Tuning::kModel,
     "as distilled, from joint-free"},
    {"joint-w2", Pruning::kNone, Rounding::kObs, TensorType::kW2, true, Tuning::kNone,
     "dense 2-bit with smoothing and corrected targets"},
    {"tuned-w2", Pruning::kNone, Rounding::kObs, TensorType::kW2, true, Tuning::kBlocks,
     "as tuned, from joint-w2"},
    {"distilled-w2", Pruning::kNone, Rounding::kObs, TensorType::kW2, true, Tuning::kModel,
     "as distilled, from joint-w2"},
    {"dense-w2", Pruning::kNone, Rounding::kObs, TensorType::kW2, false, Tuning::kNone,
     "GPTQ, dense 2-bit"},
    {"dense-w3", Pruning::kNone, Rounding::kObs, TensorType::kW3, false, Tuning::kNone,
     "GPTQ, dense 3-bit"},
    {"dense-w4", Pruning::kNone, Rounding::kObs, TensorType::kW4, false, Tuning::kNone,
     "GPTQ, dense 4-bit"},
});

const Recipe* Find(std::string_view name) {
  if (name == "rtn") name = "magnitude-nearest";
  const auto* found = std::find_if(kRecipes.begin(), kRecipes.end(),
                                   [&](const Recipe& recipe) { return recipe.name == name; });
  return found == kRecipes.end() ? nullptr : found;
}

}  // namespace

std::span<const Recipe> Recipes() { return kRecipes; }

const Recipe& DefaultRecipe() { return *Find(kDefaultName); }

Result<const Recipe*> RecipeByName(std::string_view name) {
  if (const Recipe* recipe = Find(name)) return recipe;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("--recipe {}: there is none", name),
              fmt::format("use one of {}", RecipeNames()));
}

Result<const Recipe*> WithCodebook(const Recipe& recipe, std::string_view codebook) {
  if (codebook == "2:4") return &recipe;
  if (codebook != "free") {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--codebook {}: there is none", codebook),
                "use 2:4 or free");
  }
  if (recipe.type == kFree) return &recipe;
  if (const Recipe* free = Find(fmt::format("{}{}", recipe.name, kFreeSuffix))) return free;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("--codebook free: not with recipe {}", recipe.name),
              "use it with joint, tuned or distilled");
}

std::string RecipeNames() {
  std::string names;
  for (const Recipe& recipe : kRecipes) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", recipe.name);
  }
  return names;
}

}  // namespace accllm
