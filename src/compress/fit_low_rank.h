// The low-rank part that makes up for some of what quantisation loses.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/choose_codes.h"
#include "packed/low_rank.h"

namespace accllm {

// B A of rank `rank`, rounded to 8 bits, for which tr((E - B A) H (E - B A)^T) is nearly the least,
// where E is `error` and H is h with `damping` times its mean diagonal added to its diagonal.
// h: [cols, cols]. The same for every number of threads. Errors: kInvalidArgument if a size does
// not fit, kNumeric if a value is not finite.
Result<LowRank> FitLowRank(const WeightMatrix& error, std::span<const float> h, double damping,
                           int64_t rank, ThreadPool& pool);

// A matrix as codes, and the low-rank part beside them.
struct CodesAndLowRank {
  QuantizedMatrix quantized;
  std::optional<LowRank> low_rank;

  // Float weights of both together: [rows, cols].
  std::vector<float> Values() const;
};

// As ChooseCodes, which see; with a low-rank part of rank `rank` if that is not 0 (then `inputs` is
// not null).
Result<CodesAndLowRank> ChooseCodesAndLowRank(const Recipe& recipe, format::TensorType type,
                                              const WeightMatrix& matrix, const PatternSet* kept,
                                              const InputStatistics* inputs, int64_t rank,
                                              ThreadPool& pool);

}  // namespace accllm
