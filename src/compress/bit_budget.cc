#include "compress/bit_budget.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/tensor_names.h"
#include "compress/plan.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

using format::TensorType;

bool IsLinear(const TensorPlan& tensor) {
  return tensor.name.starts_with("layers.") && tensor.type != TensorType::kF32 &&
         std::any_of(kLinearNames.begin(), kLinearNames.end(),
                     [&](std::string_view name) { return tensor.name.ends_with(name); });
}

bool IsNamed(const std::vector<KeepDense>& keep_dense, std::string_view name) {
  return std::any_of(keep_dense.begin(), keep_dense.end(),
                     [&](const KeepDense& keep) { return GlobMatches(keep.pattern, name); });
}

// The tensor's own type, and those of `denser` that take more.
Result<std::vector<TypeCost>> TypesOf(const TensorPlan& tensor,
                                      const std::vector<TensorType>& denser) {
  ACCLLM_ASSIGN_OR_RETURN(const TensorLayout base,
                          LayOutTensor(tensor.type, tensor.rows, tensor.cols));
  std::vector<TypeCost> types = {{tensor.type, base.data_bytes, 0}};
  for (const TensorType type : denser) {
    const auto layout = LayOutTensor(type, tensor.rows, tensor.cols);
    // An error here says that rows are too wide for the type.
    if (layout && layout->data_bytes > types.back().bytes) {
      types.push_back({type, layout->data_bytes, 0});
    }
  }
  return types;
}

// A figure of bits that is not below the true one.
std::string RoundedUp(double bits) { return fmt::format("{:.4f}", std::ceil(bits * 1e4) / 1e4); }

}  // namespace

Result<BitBudget> OpenBudget(const std::vector<TensorPlan>& plan,
                             const std::vector<KeepDense>& keep_dense, double bits,
                             const std::vector<TensorType>& denser) {
  BitBudget budget;
  int64_t weights = 0;
  int64_t least_bytes = 0;
  int64_t most_bytes = 0;
  for (size_t i = 0; i < plan.size(); ++i) {
    const TensorPlan& tensor = plan[i];
    if (!tensor.name.starts_with("layers.") || tensor.type == TensorType::kF32) continue;
    ACCLLM_ASSIGN_OR_RETURN(std::vector<TypeCost> types, TypesOf(tensor, denser));
    least_bytes += types.front().bytes;
    if (!IsLinear(tensor) || IsNamed(keep_dense, tensor.name)) types.resize(1);
    most_bytes += types.back().bytes;
    if (IsLinear(tensor)) weights += tensor.rows * tensor.cols;
    if (types.size() > 1) budget.matrices.push_back({i, std::move(types)});
  }
  const auto bits_of = [&](int64_t bytes) {
    return 8 * static_cast<double>(bytes) / static_cast<double>(weights);
  };
  const std::string wanted = fmt::format("--bits {}", bits);
  if (budget.matrices.empty()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        wanted + ": --keep-dense or --bits-types leaves no matrix whose type could be chosen",
        "leave one of them out");
  }
  if (!(bits_of(least_bytes) <= bits)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: the recipe's types take {} bits a linear weight with scales, "
                            "tables and padding",
                            wanted, RoundedUp(bits_of(least_bytes))),
                "give more than that, or leave --bits out");
  }
  if (bits > bits_of(most_bytes)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: even {} for every open matrix takes only {} bits a linear weight",
                            wanted, TensorTypeLabel(denser.back()), RoundedUp(bits_of(most_bytes))),
                "give less than that");
  }
  const double bytes = bits / 8 * static_cast<double>(weights);
  budget.spare_bytes = static_cast<int64_t>(bytes) - least_bytes;
  return budget;
}

std::vector<size_t> SpendBytes(const BitBudget& budget) {
  std::vector<size_t> chosen(budget.matrices.size(), 0);
  int64_t spare = budget.spare_bytes;
  for (;;) {
    double best_rate = 0;  // saved loss a byte
    size_t best_matrix = 0;
    size_t best_type = 0;
    for (size_t m = 0; m < chosen.size(); ++m) {
      const std::vector<TypeCost>& types = budget.matrices[m].types;
      const TypeCost& now = types[chosen[m]];
      for (size_t t = chosen[m] + 1; t < types.size(); ++t) {
        const int64_t price = types[t].bytes - now.bytes;
        if (price > spare) continue;
        const double rate = (now.loss - types[t].loss) / static_cast<double>(price);
        if (rate > best_rate) {
          best_rate = rate;
          best_matrix = m;
          best_type = t;
        }
      }
    }
    if (best_rate <= 0) return chosen;
    const std::vector<TypeCost>& types = budget.matrices[best_matrix].types;
    spare -= types[best_type].bytes - types[chosen[best_matrix]].bytes;
    chosen[best_matrix] = best_type;
  }
}

std::vector<BudgetChoice> ChooseTypes(const BitBudget& budget,
                                      const std::vector<TensorPlan>& plan) {
  const std::vector<size_t> chosen = SpendBytes(budget);
  std::vector<BudgetChoice> choices;
  for (size_t m = 0; m < chosen.size(); ++m) {
    const OpenMatrix& matrix = budget.matrices[m];
    const TypeCost& type = matrix.types[chosen[m]];
    choices.push_back({plan[matrix.place].name, std::string(TensorTypeLabel(type.type)), type.loss,
                       matrix.types.front().loss});
  }
  return choices;
}

Status ApplyChoices(const std::vector<BudgetChoice>& choices, std::vector<TensorPlan>& plan) {
  for (const BudgetChoice& choice : choices) {
    const auto tensor = std::find_if(plan.begin(), plan.end(), [&](const TensorPlan& candidate) {
      return candidate.name == choice.name;
    });
    const auto type = TensorTypeFromLabel(choice.type);
    if (tensor == plan.end() || !type) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("the journal gives {} the type '{}': there is no such matrix or type",
                              choice.name, choice.type),
                  "start again without --resume");
    }
    tensor->type = *type;
  }
  return {};
}

}  // namespace accllm
