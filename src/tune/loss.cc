#include "tune/loss.h"

#include <algorithm>
#include <cmath>

#include "base/split_mix64.h"
#include "linalg/linalg.h"

namespace accllm::tune {
namespace {

constexpr int64_t kChunkTokens = 512;  // whose logits are held

// Turns a row of logits into logarithms of probabilities.
template <typename Row>
void LogSoftmax(Row row) {
  const float peak = row.maxCoeff();
  row.array() -= peak + std::log((row.array() - peak).exp().sum());
}

// The student's logarithms become its gradient's row, times `scale`; returns the divergence.
template <typename Row>
double DivergenceOfRow(Row student, Row teacher, float scale) {
  LogSoftmax(student);
  LogSoftmax(teacher);
  const auto p = teacher.array().exp();
  const double loss = (p * (teacher.array() - student.array())).template cast<double>().sum();
  student = ((student.array().exp() - p) * scale).matrix();
  return loss;
}

// dx of rows [first, first + n) from the gradient with respect to their logits.
void BackThroughHead(const Matrix& dlogits, const Head& head, int64_t first, Matrix& dx,
                     ThreadPool& pool) {
  const int64_t n = dlogits.rows();
  Multiply({dlogits.data(), static_cast<size_t>(dlogits.size())}, head.weights, n, dlogits.cols(),
           head.x.cols(), {dx.row(first).data(), static_cast<size_t>(n * head.x.cols())}, pool);
}

// A number in [0, 1) that depends on both alone.
double UniformOf(uint64_t seed, int64_t index) {
  uint64_t state = seed * 0xD1342543DE82EF95U + static_cast<uint64_t>(index) * 0x9E3779B97F4A7C15U;
  return static_cast<double>(SplitMix64(state) >> 11) * 0x1p-53;
}

// A row of logits becomes the gradient of the log-probability of the token that `uniform` draws.
template <typename Row>
void ScoreOfRow(Row row, double uniform) {
  LogSoftmax(row);
  row = row.array().exp().matrix();
  int64_t drawn = 0;
  for (double sum = 0; drawn < row.size() - 1; ++drawn) {
    sum += static_cast<double>(row(drawn));
    if (sum > uniform) break;
  }
  row = -row;
  row(drawn) += 1;
}

}  // namespace

HeadLoss Divergence(const Head& student, const Head& teacher, std::vector<float>& dweights,
                    ThreadPool& pool) {
  const int64_t n_tokens = student.x.rows();
  HeadLoss result = {0, Matrix(n_tokens, student.x.cols())};
  const float scale = 1.0F / static_cast<float>(n_tokens);
  std::vector<float> no_bias;
  for (int64_t first = 0; first < n_tokens; first += kChunkTokens) {
    const int64_t n = std::min(kChunkTokens, n_tokens - first);
    const Matrix x = student.x.middleRows(first, n);
    Matrix logits = Linear(x, student.weights, {}, pool);
    Matrix wanted = Linear(teacher.x.middleRows(first, n), teacher.weights, {}, pool);
    std::vector<double> losses(static_cast<size_t>(n));
    pool.ParallelFor(n, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) {
        losses[static_cast<size_t>(t)] = DivergenceOfRow(logits.row(t), wanted.row(t), scale);
      }
    });
    for (const double loss : losses) result.loss += loss / static_cast<double>(n_tokens);
    result.dx.middleRows(first, n) =
        LinearBackward(logits, x, student.weights, dweights, no_bias, pool);
  }
  return result;
}

Matrix SampledScore(const Head& head, uint64_t seed, ThreadPool& pool) {
  const int64_t n_tokens = head.x.rows();
  Matrix dx(n_tokens, head.x.cols());
  for (int64_t first = 0; first < n_tokens; first += kChunkTokens) {
    const int64_t n = std::min(kChunkTokens, n_tokens - first);
    Matrix logits = Linear(head.x.middleRows(first, n), head.weights, {}, pool);
    pool.ParallelFor(n, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) {
        ScoreOfRow(logits.row(t), UniformOf(seed, first + t));
      }
    });
    BackThroughHead(logits, head, first, dx, pool);
  }
  return dx;
}

Matrix SampledStreamScore(const ModelEnd& end, uint64_t seed, ThreadPool& pool) {
  const Matrix x = RmsNorm(end.stream, end.final_norm, end.eps, pool);
  std::vector<float> dnorm(end.final_norm.size());  // not used
  return RmsNormBackward(SampledScore({x, end.lm_head}, seed, pool), end.stream, end.final_norm,
                         end.eps, dnorm, pool);
}

HeadLoss CrossEntropy(const Head& head, std::span<const int32_t> targets,
                      std::vector<float>& dweights, ThreadPool& pool) {
  const int64_t n_tokens = head.x.rows();
  const auto n_counted =
      std::ssize(targets) - std::count(targets.begin(), targets.end(), kNoTarget);
  HeadLoss result = {0, Matrix(n_tokens, head.x.cols())};
  const float scale = 1.0F / static_cast<float>(std::max<int64_t>(1, n_counted));
  std::vector<float> no_bias;
  for (int64_t first = 0; first < n_tokens; first += kChunkTokens) {
    const int64_t n = std::min(kChunkTokens, n_tokens - first);
    const Matrix x = head.x.middleRows(first, n);
    Matrix logits = Linear(x, head.weights, {}, pool);
    std::vector<double> losses(static_cast<size_t>(n), 0.0);
    pool.ParallelFor(n, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) {
        const int32_t target = targets[static_cast<size_t>(first + t)];
        auto row = logits.row(t);
        if (target == kNoTarget) {
          row.setZero();
          continue;
        }
        LogSoftmax(row);
        losses[static_cast<size_t>(t)] = -static_cast<double>(row(target));
        row = (row.array().exp() * scale).matrix();
        row(target) -= scale;
      }
    });
    for (const double loss : losses) result.loss += loss * static_cast<double>(scale);
    result.dx.middleRows(first, n) =
        LinearBackward(logits, x, head.weights, dweights, no_bias, pool);
  }
  return result;
}

}  // namespace accllm::tune
