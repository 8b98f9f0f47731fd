// A bit budget: which matrices of a model take a denser type than the recipe's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "compress/compress.h"
#include "packed/packed_writer.h"
#include "spec/packed_format.h"

namespace accllm {

// A type that a matrix may take.
struct TypeCost {
  format::TensorType type = format::TensorType::kF32;
  int64_t bytes = 0;  // of the whole tensor
  double loss = 0;    // what it costs the model
};

// A matrix whose type is open.
struct OpenMatrix {
  size_t place = 0;             // in the plan
  std::vector<TypeCost> types;  // the recipe's own first, then denser ones; losses still 0
};

struct BitBudget {
  std::vector<OpenMatrix> matrices;
  int64_t spare_bytes = 0;  // what may be spent beyond the recipe's own types
};

// What `bits` a linear weight leave to spend on the plan's matrices that no rule of `keep_dense`
// names; each may take one of the types `denser` (sparsest first). Everything counts that
// PackedFile::BitsPerLinearWeight counts.
// Errors: kInvalidArgument if the plan takes more already, or cannot take as much.
Result<BitBudget> OpenBudget(const std::vector<TensorPlan>& plan,
                             const std::vector<KeepDense>& keep_dense, double bits,
                             const std::vector<format::TensorType>& denser);

// The type of each matrix, as an index of its `types`: starting with the first everywhere, the
// change of largest saved loss per byte among those that `spare_bytes` still pay is made, until
// there is none.
std::vector<size_t> SpendBytes(const BitBudget& budget);

// Spends the budget by losses that are set, and says what each matrix takes.
std::vector<BudgetChoice> ChooseTypes(const BitBudget& budget, const std::vector<TensorPlan>& plan);

// Gives the plan's matrices the types of `choices`. Errors: kCorrupt if there is no such matrix or
// type (choices come from a journal).
Status ApplyChoices(const std::vector<BudgetChoice>& choices, std::vector<TensorPlan>& plan);

}  // namespace accllm
