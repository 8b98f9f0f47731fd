#include "compress/fit_low_rank.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <utility>

#include "base/split_mix64.h"
#include "reference/float_ops.h"

namespace accllm {
namespace {

using reference::Matrix;

// Directions beside those wanted, and rounds of the power iteration: with both, even where the
// error's spectrum is flat, what is found is within a percent of the best.
constexpr int64_t kMoreDirections = 8;
constexpr int kPowerRounds = 8;

// E (H (E^T z)): the errors' own metric on the rows' side, [rows, rows], applied to z [rows, n].
class RowMetric {
 public:
  RowMetric(const WeightMatrix& error, std::span<const float> h, double damping, ThreadPool& pool)
      : error_(error), h_(h), pool_(pool) {
    double trace = 0;
    for (int64_t k = 0; k < error.cols; ++k) {
      trace += static_cast<double>(h[static_cast<size_t>(k * (error.cols + 1))]);
    }
    added_ = static_cast<float>(damping * trace / static_cast<double>(error.cols));
  }

  Matrix Apply(const Matrix& z) const {
    const int64_t n = z.cols();
    Matrix narrow = Transposed(z);
    Matrix weighted(error_.cols, n);
    Multiply(h_, SpanOf(narrow), error_.cols, error_.cols, n, SpanOf(weighted), pool_);
    weighted += added_ * narrow;
    Matrix out(error_.rows, n);
    Multiply(error_.weights, SpanOf(weighted), error_.rows, error_.cols, n, SpanOf(out), pool_);
    return out;
  }

  // E^T z: [cols, n].
  Matrix Transposed(const Matrix& z) const {
    Matrix out = Matrix::Zero(error_.cols, z.cols());
    AddTransposedProduct(error_.weights, SpanOf(z), error_.rows, error_.cols, z.cols(), false,
                         SpanOf(out), pool_);
    return out;
  }

 private:
  static std::span<const float> SpanOf(const Matrix& m) {
    return {m.data(), static_cast<size_t>(m.size())};
  }
  static std::span<float> SpanOf(Matrix& m) { return {m.data(), static_cast<size_t>(m.size())}; }

  const WeightMatrix& error_;
  std::span<const float> h_;
  ThreadPool& pool_;
  float added_ = 0;
};

Matrix Orthonormal(const Matrix& m) {
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(m.cast<double>());
  return (qr.householderQ() * Eigen::MatrixXd::Identity(m.rows(), m.cols())).cast<float>();
}

// The `rank` eigenvectors of largest eigenvalue of the metric: [rows, rank].
Matrix LargestDirections(const RowMetric& metric, int64_t rows, int64_t rank, int64_t n) {
  Matrix z(rows, n);
  uint64_t state = 1;
  for (int64_t i = 0; i < z.size(); ++i) {
    z.data()[i] = static_cast<float>(SplitMix64(state) >> 40) * 0x1p-23F - 1.0F;
  }
  for (int round = 0; round < kPowerRounds; ++round) z = metric.Apply(Orthonormal(z));
  z = Orthonormal(z);
  const Eigen::MatrixXd small = z.cast<double>().transpose() * metric.Apply(z).cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(0.5 * (small + small.transpose()));
  // Ascending.
  return z * solver.eigenvectors().rightCols(rank).rowwise().reverse().cast<float>();
}

Result<Int8Matrix> RoundTransposed(const Matrix& m) {
  const Matrix rows = m.transpose();
  return RoundToInt8(rows.rows(), rows.cols(), {rows.data(), static_cast<size_t>(rows.size())});
}

// In place: what `values` lack to be `weights`.
std::vector<float> Missing(std::span<const float> weights, std::vector<float> values) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = weights[i] - values[i];
  return values;
}

}  // namespace

// With E L = U S V^T for H = L L^T, the best B A is U_r U_r^T E: no factor of H is needed, only
// U, the eigenvectors of E H E^T.
Result<LowRank> FitLowRank(const WeightMatrix& error, std::span<const float> h, double damping,
                           int64_t rank, ThreadPool& pool) {
  const int64_t most = std::min(error.rows, error.cols);
  if (rank < 1 || rank > most || std::ssize(error.weights) != error.rows * error.cols ||
      std::ssize(h) != error.cols * error.cols) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: weights, second moment and rank {} do not belong together",
                            error.name, rank));
  }
  const RowMetric metric(error, h, damping, pool);
  const Matrix directions =
      LargestDirections(metric, error.rows, rank, std::min(most, rank + kMoreDirections));
  LowRank low_rank;
  ACCLLM_ASSIGN_OR_RETURN(low_rank.a, RoundTransposed(metric.Transposed(directions)));
  ACCLLM_ASSIGN_OR_RETURN(low_rank.b, RoundTransposed(directions));
  return low_rank;
}

std::vector<float> CodesAndLowRank::Values() const {
  std::vector<float> values = Dequantize(quantized);
  if (low_rank) Dequantize(*low_rank).AddTo(0, quantized.rows, values);
  return values;
}

// The part is fitted to the target first, which leaves less for the codes to round, and again to
// what they lost: better than fitting it to the loss alone, at the cost of one pass over the codes.
Result<CodesAndLowRank> ChooseCodesAndLowRank(const Recipe& recipe, format::TensorType type,
                                              const WeightMatrix& matrix, const PatternSet* kept,
                                              const InputStatistics* inputs, int64_t rank,
                                              ThreadPool& pool) {
  CodesAndLowRank chosen;
  if (rank == 0) {
    ACCLLM_ASSIGN_OR_RETURN(chosen.quantized,
                            ChooseCodes(recipe, type, matrix, kept, inputs, pool));
    return chosen;
  }
  const auto fit = [&](std::span<const float> weights) {
    return FitLowRank({weights, matrix.rows, matrix.cols, matrix.name}, inputs->h,
                      inputs->inverse.damping, rank, pool);
  };
  ACCLLM_ASSIGN_OR_RETURN(const LowRank first, fit(matrix.weights));
  std::vector<float> product(matrix.weights.size(), 0.0F);
  Dequantize(first).AddTo(0, matrix.rows, product);
  const std::vector<float> rest = Missing(matrix.weights, std::move(product));
  ACCLLM_ASSIGN_OR_RETURN(
      chosen.quantized,
      ChooseCodes(recipe, type, {rest, matrix.rows, matrix.cols, matrix.name}, kept, inputs, pool));
  ACCLLM_ASSIGN_OR_RETURN(chosen.low_rank,
                          fit(Missing(matrix.weights, Dequantize(chosen.quantized))));
  return chosen;
}

}  // namespace accllm
