#include "tune/trainable_block.h"

#include <cmath>
#include <numeric>

namespace accllm::tune {
namespace {

float MeanMagnitude(const std::vector<float>& values) {
  if (values.empty()) return 0;
  const double sum = std::accumulate(values.begin(), values.end(), 0.0,
                                     [](double s, float v) { return s + std::abs(v); });
  return static_cast<float>(sum / static_cast<double>(values.size()));
}

}  // namespace

TrainableBlock::TrainableBlock(FloatLayer w, Matrices matrices, LowRanks low_ranks,
                               ThreadPool& pool)
    : weights_(std::move(w)), matrices_(std::move(matrices)), low_ranks_(std::move(low_ranks)) {
  for (const VectorKind kind : kVectorKinds) {
    vector_adams_.emplace_back(weights_.vector(kind).size());
    vector_units_.push_back(MeanMagnitude(weights_.vector(kind)));
  }
  Refresh(pool);
}

const QuantizedMatrix* TrainableBlock::quantized(LinearKind kind) const {
  const auto& matrix = matrices_[static_cast<size_t>(kind)];
  return matrix ? &matrix->quantized() : nullptr;
}

std::optional<LowRank> TrainableBlock::low_rank(LinearKind kind) const {
  const auto& low_rank = low_ranks_[static_cast<size_t>(kind)];
  if (!low_rank) return std::nullopt;
  return low_rank->quantized();
}

// The weights of a matrix that is trained.
void TrainableBlock::Write(LinearKind kind, ThreadPool& pool) {
  const auto i = static_cast<size_t>(kind);
  const QuantizedMatrix& q = matrices_[i]->quantized();
  std::vector<float>& w = weights_.linear(kind);
  w.resize(static_cast<size_t>(q.rows * q.cols));
  pool.ParallelFor(q.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) DequantizeRow(q, r, w.data() + r * q.cols);
  });
  if (low_ranks_[i]) low_ranks_[i]->AddTo(w, pool);
}

void TrainableBlock::Close() {
  for (const LinearKind kind : kLinearKinds) {
    auto& matrix = matrices_[static_cast<size_t>(kind)];
    if (!matrix) continue;
    matrix->Close();
    if (matrix->is_closed()) weights_.linear(kind) = {};
  }
}

void TrainableBlock::Open(ThreadPool& pool) {
  for (const LinearKind kind : kLinearKinds) {
    auto& matrix = matrices_[static_cast<size_t>(kind)];
    if (!matrix || !matrix->is_closed()) continue;
    matrix->Open(pool);
    Write(kind, pool);
  }
}

void TrainableBlock::Step(const FloatLayer& dw, const LearningRates& rates, int64_t step,
                          ThreadPool& pool) {
  for (const LinearKind kind : kLinearKinds) {
    const auto i = static_cast<size_t>(kind);
    if (!matrices_[i]) continue;
    matrices_[i]->Step(dw.linear(kind), rates, step, pool);
    if (low_ranks_[i] && matrices_[i]->trains_levels()) {
      low_ranks_[i]->Step(dw.linear(kind), rates, step, pool);
    }
    Write(kind, pool);
  }
  for (const VectorKind kind : kVectorKinds) {
    const auto i = static_cast<size_t>(kind);
    vector_adams_[i].Step(dw.vector(kind), rates.norms * vector_units_[i], step,
                          weights_.vector(kind), pool);
  }
}

std::vector<std::vector<float>*> TrainableBlock::State() {
  std::vector<std::vector<float>*> arrays;
  for (auto& matrix : matrices_) {
    if (!matrix) continue;
    const auto more = matrix->State();
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  for (auto& low_rank : low_ranks_) {
    if (!low_rank) continue;
    const auto more = low_rank->State();
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  for (const VectorKind kind : kVectorKinds) {
    Adam& adam = vector_adams_[static_cast<size_t>(kind)];
    arrays.insert(arrays.end(), {&weights_.vector(kind), &adam.mean(), &adam.variance()});
  }
  return arrays;
}

void TrainableBlock::Refresh(ThreadPool& pool) {
  for (const LinearKind kind : kLinearKinds) {
    const auto i = static_cast<size_t>(kind);
    if (!matrices_[i]) continue;
    matrices_[i]->Round(pool);
    if (low_ranks_[i]) low_ranks_[i]->Round();
    Write(kind, pool);
  }
}

std::vector<std::vector<float>*> StateOf(std::vector<TrainableBlock>& blocks) {
  std::vector<std::vector<float>*> arrays;
  for (TrainableBlock& block : blocks) {
    const auto more = block.State();
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  return arrays;
}

}  // namespace accllm::tune
