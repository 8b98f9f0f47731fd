#include "compress/obs_quantizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "base/block_codec.h"
#include "base/parallel_tasks.h"
#include "compress/codebook.h"
#include "compress/row_chunk.h"
#include "compress/row_kernels.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

constexpr int64_t kBlockCols = 128;  // columns whose errors reach later ones in one product

// Multiples of the mean surviving magnitude (2:4) or of the largest magnitude (dense) to try as the
// step between levels.
constexpr auto kFactors24 =
    std::to_array<float>({0.50F, 0.54F, 0.58F, 0.62F, 0.66F, 0.70F, 0.74F, 0.78F, 0.82F, 0.86F,
                          0.90F, 0.95F, 1.00F, 1.06F, 1.14F});
// Multiples of the mean magnitude, for the dense types of few levels.
constexpr auto kFactorsW2 = std::to_array<float>(
    {0.36F, 0.42F, 0.47F, 0.51F, 0.55F, 0.58F, 0.61F, 0.64F, 0.67F, 0.70F, 0.74F, 0.79F, 0.85F});
constexpr auto kFactorsFree = std::to_array<float>(
    {0.70F / kFreeUnit, 0.76F / kFreeUnit, 0.81F / kFreeUnit, 0.85F / kFreeUnit, 0.89F / kFreeUnit,
     0.93F / kFreeUnit, 0.97F / kFreeUnit, 1.01F / kFreeUnit, 1.05F / kFreeUnit, 1.10F / kFreeUnit,
     1.16F / kFreeUnit, 1.24F / kFreeUnit});
constexpr auto kFactorsW3 = std::to_array<float>(
    {0.22F, 0.25F, 0.28F, 0.30F, 0.32F, 0.34F, 0.36F, 0.38F, 0.40F, 0.42F, 0.45F, 0.49F, 0.54F});
constexpr auto kFactorsW4 = std::to_array<float>(
    {0.55F, 0.62F, 0.68F, 0.74F, 0.79F, 0.84F, 0.88F, 0.92F, 0.96F, 1.00F, 1.04F});
constexpr auto kFactorsW8 = std::to_array<float>({0.85F, 0.90F, 0.94F, 0.97F, 1.00F, 1.03F});

// The largest initial step of a row becomes this share of the largest multiplier: errors that are
// pushed onto later columns make their steps grow.
constexpr float kHeadRoom = 0.7F;

using SearchFunction = void (*)(const ObsGroup&, const MultiplierSearch&, ObsGroupRows&);

struct Method {
  format::TensorType type;
  SearchFunction search;
  MultiplierSearch multipliers;
  const InverseFactor* inverse = nullptr;  // null: no error is pushed
  const PatternSet* allowed = nullptr;     // null: all patterns
};

Method MethodOf(format::TensorType type, int64_t cols) {
  const RowKernels& kernels = BestRowKernels();
  const auto most = static_cast<float>(cols > 0 ? MaxMultiplier(type, cols) : 0);
  switch (type) {
    case format::TensorType::kW8:
      return {type, kernels.search_w8, {kFactorsW8.data(), std::ssize(kFactorsW8), most}};
    case format::TensorType::kW4:
      return {type, kernels.search_w4, {kFactorsW4.data(), std::ssize(kFactorsW4), most}};
    case format::TensorType::kW3:
      return {type, kernels.search_w3, {kFactorsW3.data(), std::ssize(kFactorsW3), most}};
    case format::TensorType::kW2Free:
      return {type, kernels.search_free, {kFactorsFree.data(), std::ssize(kFactorsFree), most}};
    case format::TensorType::kW2:
      return {type, kernels.search_w2, {kFactorsW2.data(), std::ssize(kFactorsW2), most}};
    default:
      return {type, kernels.search_24, {kFactors24.data(), std::ssize(kFactors24), most}};
  }
}

Status CheckMoment(const WeightMatrix& matrix, std::span<const float> moment) {
  if (moment.size() == static_cast<size_t>(matrix.cols * matrix.cols)) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: the second moment is not that of {} columns", matrix.name, matrix.cols));
}

Status CheckMatrix(const WeightMatrix& matrix, format::TensorType type) {
  if (matrix.rows <= 0 || matrix.cols <= 0 ||
      static_cast<int64_t>(matrix.weights.size()) / matrix.cols != matrix.rows ||
      static_cast<int64_t>(matrix.weights.size()) % matrix.cols != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} weights are not [{}, {}]", matrix.name, matrix.weights.size(),
                            matrix.rows, matrix.cols));
  }
  if (MaxMultiplier(type, matrix.cols) < 1) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {} columns are too many for exact sums", matrix.name, matrix.cols));
  }
  const auto bad = std::find_if_not(matrix.weights.begin(), matrix.weights.end(),
                                    [](float w) { return std::isfinite(w); });
  if (bad != matrix.weights.end()) {
    const int64_t at = bad - matrix.weights.begin();
    return Fail(ErrorCode::kNumeric,
                fmt::format("{}: the weight in row {}, column {} is not finite", matrix.name,
                            at / matrix.cols, at % matrix.cols),
                "check that the checkpoint's weights are sound");
  }
  return {};
}

// (U_BB^T U_BB)^-1 of four columns; zero where the matrix has no column.
void SetMetric(const ObsGroup& group, int64_t first, float metric[4][4]) {
  double inverse[4][4] = {};  // U_BB^-1, upper triangular
  for (int j = 0; j < 4; ++j) {
    for (int i = j; i >= 0; --i) {
      double sum = i == j ? 1.0 : 0.0;
      for (int k = i + 1; k <= j; ++k) {
        sum -= static_cast<double>(group.upper[first + i][first + k]) * inverse[k][j];
      }
      inverse[i][j] = sum * static_cast<double>(group.inverse_diagonal[first + i]);
    }
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      double sum = 0;
      for (int k = 0; k < 4; ++k) sum += inverse[i][k] * inverse[j][k];
      metric[i][j] = static_cast<float>(sum);
    }
  }
}

// Every group's block of U; without U, that of the identity.
std::vector<ObsGroup> PrepareGroups(const InverseFactor* inverse, int64_t cols) {
  std::vector<ObsGroup> groups(static_cast<size_t>((cols + kGroupCols - 1) / kGroupCols));
  for (size_t g = 0; g < groups.size(); ++g) {
    ObsGroup& group = groups[g];
    group = {};
    const int64_t first = static_cast<int64_t>(g) * kGroupCols;
    const int64_t n = std::min(kGroupCols, cols - first);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i; j < n; ++j) {
        group.upper[i][j] =
            inverse == nullptr
                ? static_cast<float>(i == j)
                : inverse->upper[static_cast<size_t>((first + i) * cols + first + j)];
      }
      group.inverse_diagonal[i] = 1.0F / group.upper[i][i];
    }
    for (int64_t b = 0; b < kGroupCols; b += 4) SetMetric(group, b, group.metric[b / 4]);
  }
  return groups;
}

// About the step that a group of this root mean square and largest magnitude asks for.
float StepOf(format::TensorType type, float rms, float peak) {
  switch (type) {
    case format::TensorType::kW2S24:
      return rms;
    case format::TensorType::kW2Free:
      return rms / kFreeUnit;
    case format::TensorType::kW2:
      return 0.5F * rms;
    case format::TensorType::kW3:
      return 0.3F * rms;
    default:
      return peak / static_cast<float>(DenseLevelsOf(type).max);
  }
}

// The largest step that any group of the row asks for, before errors are pushed around.
float LargestStep(format::TensorType type, std::span<const float> row) {
  float largest = 0;
  for (size_t first = 0; first < row.size(); first += kGroupCols) {
    const auto group = row.subspan(first, std::min<size_t>(kGroupCols, row.size() - first));
    float peak = 0;
    double sum = 0;
    for (const float w : group) {
      peak = std::max(peak, std::abs(w));
      sum += static_cast<double>(w) * static_cast<double>(w);
    }
    const float rms = static_cast<float>(std::sqrt(sum / static_cast<double>(group.size())));
    largest = std::max(largest, StepOf(type, std::min(rms, peak), peak));
  }
  return largest;
}

// Takes one group's levels[32][64] and multipliers[64] of n_rows rows.
using StoreFunction = std::function<void(const float* levels, const float* multipliers,
                                         int64_t first_row, int64_t n_rows, int64_t first)>;

// The optimal-brain-surgeon pass, a chunk of rows at a time.
class ObsPass {
 public:
  // row_scales: [rows], by which the levels are to be multiplied.
  ObsPass(const WeightMatrix& matrix, const Method& method, std::span<float> row_scales,
          StoreFunction store)
      : matrix_(matrix),
        method_(method),
        kernels_(BestRowKernels()),
        groups_(PrepareGroups(method.inverse, matrix.cols)),
        row_scales_(row_scales),
        store_(std::move(store)) {}

  void Run(ThreadPool& pool) {
    std::vector<Scratch> scratch(static_cast<size_t>(pool.n_threads()));
    const int64_t n_chunks = (matrix_.rows + kChunkRows - 1) / kChunkRows;
    ForEachTask(pool, n_chunks, [&](int64_t chunk, int thread) {
      RunChunk(chunk * kChunkRows, scratch[static_cast<size_t>(thread)]);
    });
  }

 private:
  struct Scratch {
    std::vector<float> weights;  // [padded cols, 64]
    std::vector<float> errors;   // [padded cols, 64]
    std::array<float, kChunkRows> row_scales = {};
    std::array<float, kChunkRows> multipliers = {};
    std::array<float, static_cast<size_t>(kGroupCols* kChunkRows)> levels = {};
    std::array<int32_t, static_cast<size_t>(kGroupCols / 4 * kChunkRows)> patterns = {};
  };

  void RunChunk(int64_t first_row, Scratch& s) {
    const int64_t n_rows = std::min(kChunkRows, matrix_.rows - first_row);
    const int64_t padded = std::ssize(groups_) * kGroupCols;
    LoadChunk(matrix_.weights, matrix_.cols, first_row, n_rows, padded, s.weights);
    s.errors.assign(s.weights.size(), 0.0F);
    s.row_scales.fill(0.0F);
    for (int64_t r = 0; r < n_rows; ++r) {
      const auto row = matrix_.weights.subspan(static_cast<size_t>((first_row + r) * matrix_.cols),
                                               static_cast<size_t>(matrix_.cols));
      const float step = LargestStep(method_.type, row);
      s.row_scales[static_cast<size_t>(r)] =
          CoveringRowScale(step / (kHeadRoom * method_.multipliers.max_multiplier));
      row_scales_[static_cast<size_t>(first_row + r)] = s.row_scales[static_cast<size_t>(r)];
    }
    for (int64_t block = 0; block < matrix_.cols; block += kBlockCols) {
      const int64_t end = std::min(matrix_.cols, block + kBlockCols);
      PushErrors(0, block, block, end, s);
      for (int64_t first = block; first < end; first += kGroupCols) {
        SearchOneGroup(first, first_row, n_rows, s);
        PushErrors(first, std::min(end, first + kGroupCols), first + kGroupCols, end, s);
      }
    }
  }

  // The errors of columns [from, to) reach columns [begin, end).
  void PushErrors(int64_t from, int64_t to, int64_t begin, int64_t end, Scratch& s) {
    if (method_.inverse == nullptr || from >= to || begin >= end) return;
    kernels_.subtract_product(
        method_.inverse->upper.data() + from * matrix_.cols + begin, matrix_.cols, to - from,
        end - begin, s.errors.data() + from * kChunkRows, s.weights.data() + begin * kChunkRows);
  }

  void SearchOneGroup(int64_t first, int64_t first_row, int64_t n_rows, Scratch& s) {
    LoadPatterns(method_.allowed, first_row, n_rows, first, s.patterns.data());
    ObsGroupRows rows = {s.weights.data() + first * kChunkRows,
                         s.row_scales.data(),
                         s.patterns.data(),
                         s.levels.data(),
                         s.multipliers.data(),
                         s.errors.data() + first * kChunkRows};
    method_.search(groups_[static_cast<size_t>(first / kGroupCols)], method_.multipliers, rows);
    store_(s.levels.data(), s.multipliers.data(), first_row, n_rows, first);
  }

  const WeightMatrix& matrix_;
  const Method& method_;
  const RowKernels& kernels_;
  std::vector<ObsGroup> groups_;
  std::span<float> row_scales_;
  StoreFunction store_;
};

Result<QuantizedMatrix> Quantize(const WeightMatrix& matrix, const Method& method,
                                 ThreadPool& pool) {
  ACCLLM_RETURN_IF_ERROR(CheckMatrix(matrix, method.type));
  ACCLLM_RETURN_IF_ERROR(CheckPatterns(matrix, method.allowed));
  if (method.inverse != nullptr) {
    ACCLLM_RETURN_IF_ERROR(CheckMoment(matrix, method.inverse->upper));
  }
  QuantizedMatrix out = EmptyMatrix(method.type, matrix.rows, matrix.cols);
  ObsPass(matrix, method, out.row_scales,
          [&](const float* levels, const float* multipliers, int64_t first_row, int64_t n_rows,
              int64_t first) { StoreGroup(levels, multipliers, first_row, n_rows, first, out); })
      .Run(pool);
  return out;
}

}  // namespace

Status CheckPatterns(const WeightMatrix& matrix, const PatternSet* allowed) {
  const int64_t n_fours = (matrix.cols + 3) / 4;
  if (allowed == nullptr || (allowed->rows == matrix.rows && allowed->n_fours == n_fours &&
                             allowed->sets.size() == static_cast<size_t>(matrix.rows * n_fours))) {
    return {};
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: the 2:4 patterns are those of another matrix", matrix.name));
}

Result<QuantizedMatrix> QuantizeJoint24(const WeightMatrix& matrix, const InverseFactor& inverse,
                                        ThreadPool& pool, const PatternSet* allowed) {
  Method method = MethodOf(format::TensorType::kW2S24, matrix.cols);
  method.inverse = &inverse;
  method.allowed = allowed;
  return Quantize(matrix, method, pool);
}

Result<QuantizedMatrix> QuantizeJointFree(const WeightMatrix& matrix, std::span<const float> h,
                                          const InverseFactor& inverse, ThreadPool& pool) {
  ACCLLM_RETURN_IF_ERROR(CheckMatrix(matrix, format::TensorType::kW2Free));
  ACCLLM_RETURN_IF_ERROR(CheckMoment(matrix, h));
  const Codebook codebook = LearnCodebook(matrix, h, pool);
  FreeFours fours;
  SetFreeFours(codebook, fours);
  Method method = MethodOf(format::TensorType::kW2Free, matrix.cols);
  method.inverse = &inverse;
  method.multipliers.codebook = &fours;
  ACCLLM_ASSIGN_OR_RETURN(QuantizedMatrix quantized, Quantize(matrix, method, pool));
  quantized.codebook = codebook;
  return quantized;
}

Result<QuantizedMatrix> QuantizeSparseGpt24(const WeightMatrix& matrix,
                                            const InverseFactor& inverse, ThreadPool& pool) {
  Method method = MethodOf(format::TensorType::kW2S24, matrix.cols);
  method.inverse = &inverse;
  method.search = BestRowKernels().search_sparsegpt;
  return Quantize(matrix, method, pool);
}

Result<std::vector<float>> PruneSparseGpt24(const WeightMatrix& matrix,
                                            const InverseFactor& inverse, ThreadPool& pool) {
  Method method = MethodOf(format::TensorType::kW2S24, matrix.cols);
  method.inverse = &inverse;
  method.search = BestRowKernels().prune_sparsegpt;
  ACCLLM_RETURN_IF_ERROR(CheckMatrix(matrix, method.type));
  ACCLLM_RETURN_IF_ERROR(CheckMoment(matrix, inverse.upper));
  std::vector<float> pruned(matrix.weights.size());
  std::vector<float> row_scales(static_cast<size_t>(matrix.rows));  // not used without rounding
  ObsPass(matrix, method, row_scales,
          [&](const float* values, const float* /*multipliers*/, int64_t first_row, int64_t n_rows,
              int64_t first) {
            const int64_t n = std::min(kGroupCols, matrix.cols - first);
            for (int64_t r = 0; r < n_rows; ++r) {
              float* row = pruned.data() + (first_row + r) * matrix.cols + first;
              for (int64_t k = 0; k < n; ++k) row[k] = values[k * kChunkRows + r];
            }
          })
      .Run(pool);
  return pruned;
}

Result<QuantizedMatrix> QuantizeObsDense(format::TensorType type, const WeightMatrix& matrix,
                                         const InverseFactor& inverse, ThreadPool& pool) {
  if (!IsBlockType(type) || IsCoded(type)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} is no dense block type", matrix.name, TensorTypeLabel(type)));
  }
  Method method = MethodOf(type, matrix.cols);
  method.inverse = &inverse;
  return Quantize(matrix, method, pool);
}

Result<QuantizedMatrix> QuantizeNearest24(const WeightMatrix& matrix, ThreadPool& pool,
                                          const PatternSet* allowed) {
  Method method = MethodOf(format::TensorType::kW2S24, matrix.cols);
  method.allowed = allowed;
  return Quantize(matrix, method, pool);
}

}  // namespace accllm
