// Coordinate descent on the H-weighted error of a matrix of a coded type.
#include <algorithm>
#include <array>
#include <vector>

#include "base/block_codec.h"
#include "base/parallel_tasks.h"
#include "compress/obs_quantizer.h"
#include "compress/row_chunk.h"
#include "compress/row_kernels.h"

namespace accllm {
namespace {

constexpr int64_t kRefineCols = 128;  // columns whose changes reach the others in one product

// Changes of a row's multiplier to try; the first keeps it.
constexpr auto kFactors =
    std::to_array<float>({1.00F, 0.90F, 0.94F, 0.97F, 0.99F, 1.01F, 1.03F, 1.06F, 1.10F});

class Refinement {
 public:
  // damped: [cols, cols], H with the damping on its diagonal.
  Refinement(const WeightMatrix& matrix, std::span<const float> damped, const PatternSet* allowed,
             QuantizedMatrix& quantized)
      : matrix_(matrix),
        h_(damped),
        allowed_(allowed),
        cols_(matrix.cols),
        search_{kFactors.data(), std::ssize(kFactors),
                static_cast<float>(MaxMultiplier(quantized.type, matrix.cols)), &fours_},
        q_(quantized) {
    SetFreeFours(quantized.codebook, fours_);
    for (int64_t first = 0; first < cols_; first += kGroupCols) {
      std::array<float, kGroupBlock>& block = blocks_.emplace_back();
      block.fill(0.0F);
      const int64_t n = std::min(kGroupCols, cols_ - first);
      for (int64_t i = 0; i < n; ++i) {
        const float* row = h_.data() + (first + i) * cols_ + first;
        std::copy_n(row, n, block.data() + i * kGroupCols);
      }
    }
  }

  void Run(int n_sweeps, ThreadPool& pool) {
    std::vector<Scratch> scratch(static_cast<size_t>(pool.n_threads()));
    ForEachTask(pool, (matrix_.rows + kChunkRows - 1) / kChunkRows, [&](int64_t chunk, int thread) {
      RunChunk(chunk * kChunkRows, n_sweeps, scratch[static_cast<size_t>(thread)]);
    });
  }

 private:
  static constexpr size_t kGroupBlock = static_cast<size_t>(kGroupCols * kGroupCols);

  struct Scratch {
    std::vector<float> error;     // w - q: [padded cols, 64]
    std::vector<float> gradient;  // H (w - q): [padded cols, 64]
    std::vector<float> change;    // of q within one block: [128, 64]
    std::array<float, kChunkRows> row_scales = {};
    std::array<float, kChunkRows> multipliers = {};
    std::array<float, static_cast<size_t>(kGroupCols* kChunkRows)> levels = {};
    std::array<int32_t, static_cast<size_t>(kGroupCols / 4 * kChunkRows)> patterns = {};
  };

  void RunChunk(int64_t first_row, int n_sweeps, Scratch& s) {
    const int64_t n_rows = std::min(kChunkRows, matrix_.rows - first_row);
    s.row_scales.fill(0.0F);
    std::copy_n(q_.row_scales.begin() + first_row, n_rows, s.row_scales.begin());
    InitGradient(first_row, n_rows, s);
    for (int sweep = 0; sweep < n_sweeps; ++sweep) {
      for (int64_t block = 0; block < cols_; block += kRefineCols) {
        RefineBlock(block, first_row, n_rows, s);
      }
    }
  }

  void InitGradient(int64_t first_row, int64_t n_rows, Scratch& s) {
    LoadChunk(matrix_.weights, cols_, first_row, n_rows, std::ssize(blocks_) * kGroupCols, s.error);
    for (int64_t first = 0; first < cols_; first += kGroupCols) {
      LoadGroup(q_, first_row, n_rows, first, s.levels.data(), s.multipliers.data());
      const int64_t n = std::min(kGroupCols, cols_ - first);
      for (int64_t k = 0; k < n; ++k) {
        for (size_t r = 0; r < kChunkRows; ++r) {
          // Negated, as the product below is subtracted.
          float& error = s.error[static_cast<size_t>((first + k) * kChunkRows) + r];
          error = s.row_scales[r] * s.multipliers[r] *
                      s.levels[static_cast<size_t>(k * kChunkRows) + r] -
                  error;
        }
      }
    }
    s.gradient.assign(s.error.size(), 0.0F);
    kernels_.subtract_product(h_.data(), cols_, cols_, cols_, s.error.data(), s.gradient.data());
    s.change.resize(static_cast<size_t>(kRefineCols * kChunkRows));
  }

  void RefineBlock(int64_t block, int64_t first_row, int64_t n_rows, Scratch& s) {
    const int64_t end = std::min(cols_, block + kRefineCols);
    for (int64_t first = block; first < end; first += kGroupCols) {
      float* change = s.change.data() + (first - block) * kChunkRows;
      LoadGroup(q_, first_row, n_rows, first, s.levels.data(), s.multipliers.data());
      LoadPatterns(allowed_, first_row, n_rows, first, s.patterns.data());
      RefineGroupRows rows = {s.row_scales.data(),
                              s.gradient.data() + first * kChunkRows,
                              s.levels.data(),
                              s.multipliers.data(),
                              change,
                              s.patterns.data()};
      const auto refine =
          q_.type == format::TensorType::kW2Free ? kernels_.refine_free : kernels_.refine_24;
      refine(blocks_[static_cast<size_t>(first / kGroupCols)].data(), search_, rows);
      StoreGroup(s.levels.data(), s.multipliers.data(), first_row, n_rows, first, q_);
      Push(first, std::min(end, first + kGroupCols), block, end, change, s);
    }
    Push(block, end, 0, block, s.change.data(), s);
    Push(block, end, end, cols_, s.change.data(), s);
  }

  // The changes of columns [from, to) reach the gradient of columns [begin, end).
  void Push(int64_t from, int64_t to, int64_t begin, int64_t end, const float* change, Scratch& s) {
    if (begin >= end) return;
    kernels_.subtract_product(h_.data() + from * cols_ + begin, cols_, to - from, end - begin,
                              change, s.gradient.data() + begin * kChunkRows);
  }

  const WeightMatrix& matrix_;
  std::span<const float> h_;
  const PatternSet* allowed_;  // null: all patterns
  int64_t cols_;
  FreeFours fours_;
  MultiplierSearch search_;
  const RowKernels& kernels_ = BestRowKernels();
  std::vector<std::array<float, kGroupBlock>> blocks_;
  QuantizedMatrix& q_;
};

tl::unexpected<Error> Mismatch(const WeightMatrix& matrix) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: weights, second moment and quantised matrix do not belong together",
                          matrix.name));
}

Status CheckShapes(const WeightMatrix& matrix, std::span<const float> h, const QuantizedMatrix& q) {
  if (!IsCoded(q.type) || q.rows != matrix.rows || q.cols != matrix.cols ||
      matrix.weights.size() != static_cast<size_t>(matrix.rows * matrix.cols) ||
      h.size() != static_cast<size_t>(matrix.cols * matrix.cols)) {
    return Mismatch(matrix);
  }
  return {};
}

}  // namespace

Status Refine(const WeightMatrix& matrix, std::span<const float> h, double damping, int n_sweeps,
              QuantizedMatrix& quantized, ThreadPool& pool, const PatternSet* allowed) {
  ACCLLM_RETURN_IF_ERROR(CheckShapes(matrix, h, quantized));
  ACCLLM_RETURN_IF_ERROR(CheckPatterns(matrix, allowed));
  std::vector<float> damped(h.begin(), h.end());
  const auto step = static_cast<size_t>(matrix.cols + 1);  // from one diagonal entry to the next
  double trace = 0;
  for (size_t i = 0; i < h.size(); i += step) trace += static_cast<double>(h[i]);
  const auto added = static_cast<float>(damping * trace / static_cast<double>(matrix.cols));
  for (size_t i = 0; i < h.size(); i += step) damped[i] += added;
  Refinement(matrix, damped, allowed, quantized).Run(n_sweeps, pool);
  return {};
}

Result<double> RelativeError(const WeightMatrix& matrix, std::span<const float> h,
                             std::span<const float> values, ThreadPool& pool) {
  std::vector<float> error(values.begin(), values.end());
  if (error.size() != matrix.weights.size() ||
      h.size() != static_cast<size_t>(matrix.cols * matrix.cols)) {
    return Mismatch(matrix);
  }
  for (size_t i = 0; i < error.size(); ++i) error[i] -= matrix.weights[i];
  const auto weighted = [&](std::span<const float> a) {
    const std::vector<float> product = Multiply(a, h, matrix.rows, matrix.cols, matrix.cols, pool);
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      sum += static_cast<double>(a[i]) * static_cast<double>(product[i]);
    }
    return sum;
  };
  const double whole = weighted(matrix.weights);
  return whole > 0 ? weighted(error) / whole : 0.0;
}

}  // namespace accllm
