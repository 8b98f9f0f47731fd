#include "tune/ops.h"

#include <algorithm>
#include <cmath>

#include "base/parallel_tasks.h"
#include "linalg/linalg.h"

namespace accllm::tune {
namespace {

using RowVector = Eigen::Matrix<float, 1, Eigen::Dynamic>;
using ConstRow = Eigen::Map<const RowVector>;
using View = Eigen::Map<Matrix>;
using ConstView = Eigen::Map<const Matrix>;

std::span<const float> Values(const Matrix& m) { return {m.data(), static_cast<size_t>(m.size())}; }
std::span<float> Values(Matrix& m) { return {m.data(), static_cast<size_t>(m.size())}; }

// [x.size() / cols, cols]
ConstView ViewOf(const Matrix& x, int64_t cols) { return {x.data(), x.size() / cols, cols}; }

// sum[c] += sum over rows t of f(t, c); every thread has columns of its own.
template <typename Term>
void AddColumnSums(int64_t rows, std::vector<float>& sum, ThreadPool& pool, const Term& term) {
  pool.ParallelFor(std::ssize(sum), [&](int64_t begin, int64_t end, int) {
    std::vector<double> partial(static_cast<size_t>(end - begin), 0.0);
    for (int64_t t = 0; t < rows; ++t) {
      for (int64_t c = begin; c < end; ++c) {
        partial[static_cast<size_t>(c - begin)] += static_cast<double>(term(t, c));
      }
    }
    for (int64_t c = begin; c < end; ++c) {
      sum[static_cast<size_t>(c)] += static_cast<float>(partial[static_cast<size_t>(c - begin)]);
    }
  });
}

// 1 / sqrt(mean square + eps) of each row.
std::vector<float> InverseRms(const ConstView& x, float eps, ThreadPool& pool) {
  std::vector<float> inverse(static_cast<size_t>(x.rows()));
  pool.ParallelFor(x.rows(), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const float mean_square = x.row(t).squaredNorm() / static_cast<float>(x.cols());
      inverse[static_cast<size_t>(t)] = 1.0F / std::sqrt(mean_square + eps);
    }
  });
  return inverse;
}

// direction 1 rotates, -1 rotates back.
void RotateBy(const RotaryTable& table, float direction, Matrix& x, ThreadPool& pool) {
  const int64_t half = table.head_dim / 2;
  pool.ParallelFor(x.rows(), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t position = t % table.cosines.rows();
      const auto cosine = table.cosines.row(position).array();
      const auto sine = table.sines.row(position).array() * direction;
      for (int64_t at = 0; at < x.cols(); at += table.head_dim) {
        auto first = x.row(t).segment(at, half).array();
        auto second = x.row(t).segment(at + half, half).array();
        const RowVector turned = first * cosine - second * sine;
        second = second * cosine + first * sine;
        first = turned.array();
      }
    }
  });
}

// One query head of one sequence. All blocks: [sequence_tokens, head_dim].
class HeadBlocks {
 public:
  HeadBlocks(const ModelConfig& config, int64_t sequence_tokens)
      : config_(config), n_tokens_(sequence_tokens) {}

  template <typename AnyMatrix>
  auto Query(AnyMatrix& m, int64_t sequence, int64_t head) const {
    return m.block(sequence * n_tokens_, head * config_.head_dim, n_tokens_, config_.head_dim);
  }
  template <typename AnyMatrix>
  auto KeyValue(AnyMatrix& m, int64_t sequence, int64_t head) const {
    return Query(m, sequence, head / config_.heads_per_kv_head());
  }

  float scale() const { return 1.0F / std::sqrt(static_cast<float>(config_.head_dim)); }

  // softmax(q k^T / sqrt(head_dim)) over the visible keys: [sequence_tokens, sequence_tokens]
  Matrix Probabilities(const AttentionInput& in, int64_t sequence, int64_t head) const {
    Matrix p = Query(in.q, sequence, head) * KeyValue(in.k, sequence, head).transpose();
    for (int64_t t = 0; t < n_tokens_; ++t) {
      const int64_t first =
          config_.sliding_window > 0 ? std::max<int64_t>(0, t + 1 - config_.sliding_window) : 0;
      auto visible = p.row(t).segment(first, t + 1 - first).array();
      const float peak = visible.maxCoeff();
      visible = ((visible - peak) * scale()).exp();
      visible /= visible.sum();
      p.row(t).head(first).setZero();
      p.row(t).tail(n_tokens_ - t - 1).setZero();
    }
    return p;
  }

 private:
  const ModelConfig& config_;
  int64_t n_tokens_;
};

// Runs body(sequence, kv_head); the query heads that share keys belong to one task.
template <typename Body>
void ForEachKvHead(const ModelConfig& config, int64_t n_sequences, ThreadPool& pool,
                   const Body& body) {
  ForEachTask(pool, n_sequences * config.n_kv_heads,
              [&](int64_t task, int) { body(task / config.n_kv_heads, task % config.n_kv_heads); });
}

}  // namespace

Matrix Linear(const Matrix& x, const std::vector<float>& w, const std::vector<float>& bias,
              ThreadPool& pool) {
  const int64_t rows = std::ssize(w) / x.cols();
  Matrix y(x.rows(), rows);
  MultiplyTransposed(Values(x), w, x.rows(), x.cols(), rows, Values(y), pool);
  if (!bias.empty()) y.rowwise() += ConstRow(bias.data(), rows);
  return y;
}

Matrix LinearBackward(const Matrix& dy, const Matrix& x, const std::vector<float>& w,
                      std::vector<float>& dw, std::vector<float>& dbias, ThreadPool& pool) {
  AddTransposedProduct(Values(dy), Values(x), x.rows(), dy.cols(), x.cols(), false, dw, pool);
  AddColumnSums(dy.rows(), dbias, pool, [&](int64_t t, int64_t c) { return dy(t, c); });
  Matrix dx(x.rows(), x.cols());
  Multiply(Values(dy), w, dy.rows(), dy.cols(), x.cols(), Values(dx), pool);
  return dx;
}

Matrix Embed(const std::vector<float>& embedding, const Sequences& sequences, int64_t hidden) {
  int64_t n_tokens = 0;
  for (const auto sequence : sequences) n_tokens += std::ssize(sequence);
  Matrix x(n_tokens, hidden);
  int64_t row = 0;
  for (const auto sequence : sequences) {
    for (const int32_t token : sequence) {
      std::copy_n(embedding.begin() + int64_t{token} * hidden, hidden, x.row(row++).data());
    }
  }
  return x;
}

void EmbedBackward(const Matrix& dy, const Sequences& sequences, std::vector<float>& dembedding) {
  int64_t row = 0;
  for (const auto sequence : sequences) {
    for (const int32_t token : sequence) {
      const float* from = dy.row(row++).data();
      float* to = dembedding.data() + int64_t{token} * dy.cols();
      for (int64_t k = 0; k < dy.cols(); ++k) to[k] += from[k];
    }
  }
}

Matrix RmsNorm(const Matrix& x, const std::vector<float>& weight, float eps, ThreadPool& pool) {
  const ConstView in = ViewOf(x, std::ssize(weight));
  const ConstRow w(weight.data(), std::ssize(weight));
  const std::vector<float> inverse = InverseRms(in, eps, pool);
  Matrix y(x.rows(), x.cols());
  View out(y.data(), in.rows(), in.cols());
  pool.ParallelFor(in.rows(), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      out.row(t) = (in.row(t) * inverse[static_cast<size_t>(t)]).cwiseProduct(w);
    }
  });
  return y;
}

Matrix RmsNormBackward(const Matrix& dy, const Matrix& x, const std::vector<float>& weight,
                       float eps, std::vector<float>& dweight, ThreadPool& pool) {
  const ConstView in = ViewOf(x, std::ssize(weight));
  const ConstView dout = ViewOf(dy, std::ssize(weight));
  const ConstRow w(weight.data(), std::ssize(weight));
  const std::vector<float> inverse = InverseRms(in, eps, pool);
  Matrix dx(x.rows(), x.cols());
  View din(dx.data(), in.rows(), in.cols());
  pool.ParallelFor(in.rows(), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const float inv = inverse[static_cast<size_t>(t)];
      const RowVector scaled = dout.row(t).cwiseProduct(w);
      const float along = scaled.dot(in.row(t)) * inv * inv * inv / static_cast<float>(in.cols());
      din.row(t) = scaled * inv - in.row(t) * along;
    }
  });
  AddColumnSums(in.rows(), dweight, pool, [&](int64_t t, int64_t c) {
    return dout(t, c) * in(t, c) * inverse[static_cast<size_t>(t)];
  });
  return dx;
}

Matrix SiluMul(const Matrix& gate, const Matrix& up, ThreadPool& pool) {
  Matrix y(gate.rows(), gate.cols());
  pool.ParallelFor(gate.rows(), [&](int64_t begin, int64_t end, int) {
    const auto g = gate.middleRows(begin, end - begin).array();
    const auto u = up.middleRows(begin, end - begin).array();
    y.middleRows(begin, end - begin) = (g / (1.0F + (-g).exp()) * u).matrix();
  });
  return y;
}

SiluMulGradient SiluMulBackward(const Matrix& dy, const Matrix& gate, const Matrix& up,
                                ThreadPool& pool) {
  SiluMulGradient d = {Matrix(dy.rows(), dy.cols()), Matrix(dy.rows(), dy.cols())};
  pool.ParallelFor(dy.rows(), [&](int64_t begin, int64_t end, int) {
    for (int64_t t = begin; t < end; ++t) {
      const auto g = gate.row(t).array();
      const RowVector sigmoid = (1.0F + (-g).exp()).inverse();
      const auto s = sigmoid.array();
      d.up.row(t) = (dy.row(t).array() * g * s).matrix();
      d.gate.row(t) =
          (dy.row(t).array() * up.row(t).array() * s * (1.0F + g * (1.0F - s))).matrix();
    }
  });
  return d;
}

RotaryTable::RotaryTable(const ModelConfig& config, int64_t n_positions)
    : head_dim(config.head_dim),
      cosines(n_positions, config.head_dim / 2),
      sines(n_positions, config.head_dim / 2) {
  const kernels::RopeFrequencies frequencies(config.head_dim, config.rope_theta,
                                             config.rope_factors);
  for (int64_t t = 0; t < n_positions; ++t) {
    frequencies.AnglesAt(t, cosines.row(t).data(), sines.row(t).data());
  }
}

void Rotate(const RotaryTable& table, Matrix& x, ThreadPool& pool) {
  RotateBy(table, 1.0F, x, pool);
}

void RotateBackward(const RotaryTable& table, Matrix& dx, ThreadPool& pool) {
  RotateBy(table, -1.0F, dx, pool);
}

Matrix Attention(const AttentionInput& in, const ModelConfig& config, int64_t sequence_tokens,
                 ThreadPool& pool) {
  const HeadBlocks blocks(config, sequence_tokens);
  Matrix y(in.q.rows(), in.q.cols());
  ForEachKvHead(config, in.q.rows() / sequence_tokens, pool, [&](int64_t sequence, int64_t kv) {
    for (int64_t i = 0; i < config.heads_per_kv_head(); ++i) {
      const int64_t head = kv * config.heads_per_kv_head() + i;
      const Matrix p = blocks.Probabilities(in, sequence, head);
      blocks.Query(y, sequence, head) = p * blocks.KeyValue(in.v, sequence, head);
    }
  });
  return y;
}

AttentionGradient AttentionBackward(const Matrix& dy, const AttentionInput& in,
                                    const ModelConfig& config, int64_t sequence_tokens,
                                    ThreadPool& pool) {
  const HeadBlocks blocks(config, sequence_tokens);
  AttentionGradient d = {Matrix(in.q.rows(), in.q.cols()), Matrix::Zero(in.k.rows(), in.k.cols()),
                         Matrix::Zero(in.v.rows(), in.v.cols())};
  ForEachKvHead(config, in.q.rows() / sequence_tokens, pool, [&](int64_t sequence, int64_t kv) {
    for (int64_t i = 0; i < config.heads_per_kv_head(); ++i) {
      const int64_t head = kv * config.heads_per_kv_head() + i;
      const Matrix p = blocks.Probabilities(in, sequence, head);
      const auto dout = blocks.Query(dy, sequence, head);
      blocks.KeyValue(d.v, sequence, head) += p.transpose() * dout;
      Matrix ds = dout * blocks.KeyValue(in.v, sequence, head).transpose();  // of p, then of scores
      for (int64_t t = 0; t < sequence_tokens; ++t) {
        const float mean = ds.row(t).dot(p.row(t));
        ds.row(t) = (p.row(t).array() * (ds.row(t).array() - mean) * blocks.scale()).matrix();
      }
      blocks.Query(d.q, sequence, head) = ds * blocks.KeyValue(in.k, sequence, head);
      blocks.KeyValue(d.k, sequence, head) += ds.transpose() * blocks.Query(in.q, sequence, head);
    }
  });
  return d;
}

void RoundToA8(Matrix& x, ThreadPool& pool) {
  pool.ParallelFor(x.rows(), [&](int64_t begin, int64_t end, int) {
    reference::FakeQuantizeA8(x.middleRows(begin, end - begin));
  });
}

void RoundKeys(Matrix& x, int64_t head_dim, ThreadPool& pool) {
  pool.ParallelFor(x.rows(), [&](int64_t begin, int64_t end, int) {
    reference::FakeQuantizeKeys(x.middleRows(begin, end - begin), head_dim);
  });
}

void RoundValues(Matrix& x, int64_t head_dim, ThreadPool& pool) {
  pool.ParallelFor(x.rows(), [&](int64_t begin, int64_t end, int) {
    reference::FakeQuantizeValues(x.middleRows(begin, end - begin), head_dim);
  });
}

}  // namespace accllm::tune
