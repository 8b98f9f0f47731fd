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

// A uniform number that depends on the token's place alone.
float UniformAt(int64_t token) {
  auto state = static_cast<uint64_t>(token);
  return static_cast<float>(SplitMix64(state) >> 40) * 0x1p-24F;
}

// Turns a row of logits into the gradient of one drawn token's negative log-likelihood.
template <typename Row>
void DrawGradient(Row row, float uniform) {
  LogSoftmax(row);
  row = row.array().exp().matrix();
  Eigen::Index drawn = 0;
  for (float sum = row(0); sum <= uniform && drawn + 1 < row.size(); sum += row(drawn)) ++drawn;
  row(drawn) -= 1.0F;
}

// dx of rows [first, first + n) from the gradient with respect to their logits.
void BackThroughHead(const Matrix& dlogits, const Head& head, int64_t first, Matrix& dx,
                     ThreadPool& pool) {
  const int64_t n = dlogits.rows();
  Multiply({dlogits.data(), static_cast<size_t>(dlogits.size())}, head.weights, n, dlogits.cols(),
           head.x.cols(), {dx.row(first).data(), static_cast<size_t>(n * head.x.cols())}, pool);
}

}  // namespace

Matrix SampledGradients(const Head& head, ThreadPool& pool) {
  const int64_t n_tokens = head.x.rows();
  Matrix dx(n_tokens, head.x.cols());
  for (int64_t first = 0; first < n_tokens; first += kChunkTokens) {
    const int64_t n = std::min(kChunkTokens, n_tokens - first);
    Matrix logits = Linear(head.x.middleRows(first, n), head.weights, {}, pool);
    pool.ParallelFor(n, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) DrawGradient(logits.row(t), UniformAt(first + t));
    });
    BackThroughHead(logits, head, first, dx, pool);
  }
  return dx;
}

HeadLoss Divergence(const Head& student, const Head& teacher, ThreadPool& pool) {
  const int64_t n_tokens = student.x.rows();
  HeadLoss result = {0, Matrix(n_tokens, student.x.cols())};
  const float scale = 1.0F / static_cast<float>(n_tokens);
  for (int64_t first = 0; first < n_tokens; first += kChunkTokens) {
    const int64_t n = std::min(kChunkTokens, n_tokens - first);
    Matrix logits = Linear(student.x.middleRows(first, n), student.weights, {}, pool);
    Matrix wanted = Linear(teacher.x.middleRows(first, n), teacher.weights, {}, pool);
    std::vector<double> losses(static_cast<size_t>(n));
    pool.ParallelFor(n, [&](int64_t begin, int64_t end, int) {
      for (int64_t t = begin; t < end; ++t) {
        losses[static_cast<size_t>(t)] = DivergenceOfRow(logits.row(t), wanted.row(t), scale);
      }
    });
    for (const double loss : losses) result.loss += loss / static_cast<double>(n_tokens);
    BackThroughHead(logits, student, first, result.dx, pool);
  }
  return result;
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
