#include "reference/float_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/fp16.h"
#include "base/index.h"
#include "kernels/hadamard/hadamard.h"
#include "kernels/kv4/kv4.h"
#include "kernels/quantize/quantize.h"

namespace accllm::reference {
namespace {

using ConstWeights = Eigen::Map<const Matrix>;

bool IsVisible(int64_t query, int64_t key, const AttentionWindow& window) {
  if (key > query) return false;
  return window.window == AttentionWindow::kAll || key < window.n_sinks ||
         query - key < window.window;
}

// Softmax over each row, in place; -infinity stands for "not visible".
void SoftmaxRows(Matrix& scores) {
  for (Eigen::Index row = 0; row < scores.rows(); ++row) {
    auto s = scores.row(row).array();
    s = (s - s.maxCoeff()).exp();
    s /= s.sum();
  }
}

}  // namespace

Matrix Linear(const Matrix& x, const std::vector<float>& w) {
  const auto rows = static_cast<int64_t>(w.size()) / x.cols();
  return x * ConstWeights(w.data(), rows, x.cols()).transpose();
}

Matrix Linear(const Matrix& x, const FloatLayer& w, LinearKind kind) {
  Matrix y = Linear(x, w.linear(kind));
  const std::vector<float>& bias = w.bias(kind);
  if (!bias.empty()) y.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(bias.data(), y.cols());
  return y;
}

Matrix RmsNorm(const Matrix& x, const std::vector<float>& weight, float eps) {
  const Eigen::Map<const Eigen::RowVectorXf> w(weight.data(), x.cols());
  Matrix y(x.rows(), x.cols());
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    const float mean_square = x.row(row).squaredNorm() / static_cast<float>(x.cols());
    y.row(row) = (x.row(row) / std::sqrt(mean_square + eps)).cwiseProduct(w);
  }
  return y;
}

Matrix HeadNorm(Matrix x, const std::vector<float>& weight, float eps) {
  if (weight.empty()) return x;
  const auto dim = static_cast<Eigen::Index>(weight.size());
  for (Eigen::Index at = 0; at < x.cols(); at += dim) {
    x.middleCols(at, dim) = RmsNorm(x.middleCols(at, dim), weight, eps);
  }
  return x;
}

Matrix SiluMul(const Matrix& gate, const Matrix& up) {
  return (gate.array() / (1.0F + (-gate.array()).exp()) * up.array()).matrix();
}

Matrix Rope(const Matrix& x, const std::vector<int64_t>& positions, int64_t head_dim,
            const kernels::RopeFrequencies& frequencies) {
  std::vector<float> cosines(Index(head_dim / 2));
  std::vector<float> sines(Index(head_dim / 2));
  Matrix y(x.rows(), x.cols());
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    frequencies.AnglesAt(positions[Index(row)], cosines.data(), sines.data());
    for (Eigen::Index at = 0; at < x.cols(); at += head_dim) {
      kernels::Rope(x.row(row).data() + at, cosines.data(), sines.data(), head_dim,
                    y.row(row).data() + at);
    }
  }
  return y;
}

Matrix Attention(const Matrix& q, const std::vector<int64_t>& positions, const Context& context,
                 const ModelConfig& config, const AttentionWindow& window,
                 const kernels::RopeFrequencies& frequencies) {
  const int64_t dim = config.head_dim;
  const auto n_keys = static_cast<int64_t>(context.positions.size());
  std::vector<int64_t> sink_positions = positions;
  if (window.window != AttentionWindow::kAll) {
    for (int64_t& p : sink_positions) p = std::min(p, window.n_sinks + window.window - 1);
  }
  const Matrix rotated = Rope(q, positions, dim, frequencies);
  const Matrix rotated_for_sinks = Rope(q, sink_positions, dim, frequencies);
  const auto n_sink_keys =
      std::count_if(context.positions.begin(), context.positions.end(),
                    [&](int64_t position) { return position < window.n_sinks; });
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  Matrix out(q.rows(), q.cols());
  for (int64_t head = 0; head < config.n_heads; ++head) {
    const int64_t kv_col = head / config.heads_per_kv_head() * dim;
    const Matrix keys = context.keys.middleCols(kv_col, dim);
    Matrix scores = rotated.middleCols(head * dim, dim) * keys.transpose() * scale;
    scores.leftCols(n_sink_keys) = rotated_for_sinks.middleCols(head * dim, dim) *
                                   keys.topRows(n_sink_keys).transpose() * scale;
    for (int64_t i = 0; i < scores.rows(); ++i) {
      for (int64_t j = 0; j < n_keys; ++j) {
        if (!IsVisible(positions[Index(i)], context.positions[Index(j)], window)) {
          scores(i, j) = -std::numeric_limits<float>::infinity();
        }
      }
    }
    SoftmaxRows(scores);
    const Matrix values = context.values.middleCols(kv_col, dim);
    out.middleCols(head * dim, dim) = scores * values;
  }
  return out;
}

void FakeQuantizeA8(Eigen::Ref<Matrix> x) {
  const auto n = static_cast<int64_t>(x.cols());
  std::vector<int8_t> codes(Index(n));
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    float* values = x.row(row).data();
    float scale = 0;
    kernels::QuantizeQuery(values, n, n, codes.data(), &scale);  // the same rule, in natural order
    for (int64_t k = 0; k < n; ++k) values[k] = static_cast<float>(codes[Index(k)]) * scale;
  }
}

void FakeQuantizeValues(Eigen::Ref<Matrix> x, int64_t head_dim) {
  const int64_t padded = kernels::KvPaddedDim(head_dim);
  std::vector<uint8_t> codes(Index(padded / 2));
  std::vector<uint8_t> groups(Index(kernels::KvGroups(head_dim)));
  uint16_t scale = 0;
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    for (Eigen::Index at = 0; at < x.cols(); at += head_dim) {
      float* head = x.row(row).data() + at;
      kernels::QuantizeKv(head, head_dim, {codes.data(), &scale, groups.data(), 1});
      const kernels::KvRows rows = {codes.data(), &scale, groups.data(), 1};
      for (int64_t i = 0; i < head_dim; ++i) {
        head[i] = HalfToFloat(scale) * static_cast<float>(kernels::KvLevel(rows, padded, 0, i));
      }
    }
  }
}

void FakeQuantizeKeys(Eigen::Ref<Matrix> x, int64_t head_dim) {
  const auto transform = [&] {
    for (Eigen::Index row = 0; row < x.rows(); ++row) {
      for (Eigen::Index at = 0; at < x.cols(); at += head_dim) {
        kernels::Hadamard(x.row(row).data() + at, head_dim);
      }
    }
  };
  transform();
  FakeQuantizeValues(x, head_dim);
  transform();
  x /= static_cast<float>(kernels::HadamardSize(head_dim));
}

}  // namespace accllm::reference
