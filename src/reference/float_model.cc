#include "reference/float_model.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace accllm::reference {

FloatModel::FloatModel(FloatWeights& weights, AttentionWindow window, SimulatedPrecision precision)
    : weights_(weights),
      window_(window),
      precision_(precision),
      frequencies_(weights.config().head_dim, weights.config().rope_theta,
                   weights.config().rope_factors) {
  // BLAS's own threads would make sums depend on their number, and wait for each other by spinning,
  // which on a busy machine costs many times the work.
  openblas_set_num_threads(1);
  Reset();
}

void FloatModel::Reset() {
  contexts_.assign(static_cast<size_t>(weights_.config().n_layers), {});
  position_ = 0;
}

Status FloatModel::Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  for (int64_t begin = 0; begin < n_tokens; begin += kChunk) {
    const int64_t end = std::min(n_tokens, begin + kChunk);
    const int64_t first_logit = std::max(begin, n_tokens - n_logits);
    const int64_t n = std::max<int64_t>(0, end - first_logit);
    ACCLLM_RETURN_IF_ERROR(AppendChunk(
        tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), n, logits));
    logits += n * vocab_size();
  }
  return {};
}

Status FloatModel::AppendChunk(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  const ModelConfig& config = weights_.config();
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  Matrix x(n_tokens, config.hidden_size);
  for (int64_t i = 0; i < n_tokens; ++i) {
    const float* row =
        weights_.embedding().data() + int64_t{tokens[static_cast<size_t>(i)]} * config.hidden_size;
    std::copy_n(row, config.hidden_size, x.row(i).data());
  }
  std::vector<int64_t> positions(static_cast<size_t>(n_tokens));
  std::iota(positions.begin(), positions.end(), position_);
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    ACCLLM_ASSIGN_OR_RETURN(const auto w, weights_.Layer(layer));
    x += SelfAttention(RmsNorm(x, w->vector(VectorKind::kInputLayernorm), config.rms_norm_eps), *w,
                       positions, contexts_[static_cast<size_t>(layer)]);
    x += Mlp(RmsNorm(x, w->vector(VectorKind::kPostAttentionLayernorm), config.rms_norm_eps), *w);
  }
  position_ += n_tokens;
  if (n_logits == 0) return {};
  Matrix last = RmsNorm(x.bottomRows(n_logits), weights_.final_norm(), config.rms_norm_eps);
  if (precision_.a8) FakeQuantizeA8(last);
  Eigen::Map<Matrix> out(logits, n_logits, config.vocab_size);
  out = Linear(last, weights_.lm_head());
  if (!out.allFinite()) {
    return Fail(ErrorCode::kNumeric,
                fmt::format("a logit near position {} is not finite", position_),
                "the weights are damaged or do not fit this architecture");
  }
  return {};
}

Matrix FloatModel::Project(Matrix x, const FloatLayer& w, LinearKind kind) const {
  if (precision_.a8) FakeQuantizeA8(x);
  return Linear(x, w, kind);
}

Matrix FloatModel::SelfAttention(const Matrix& x, const FloatLayer& w,
                                 const std::vector<int64_t>& positions, Context& context) const {
  const ModelConfig& config = weights_.config();
  const auto head_norm = [&](Matrix heads, VectorKind kind) {
    return HeadNorm(std::move(heads), w.vector(kind), config.rms_norm_eps);
  };
  const Matrix q = head_norm(Project(x, w, LinearKind::kQ), VectorKind::kQNorm);
  Matrix k = Rope(head_norm(Project(x, w, LinearKind::kK), VectorKind::kKNorm), positions,
                  config.head_dim, frequencies_);
  Matrix v = Project(x, w, LinearKind::kV);
  if (precision_.kv4) {
    FakeQuantizeKeys(k, config.head_dim);
    FakeQuantizeValues(v, config.head_dim);
  }
  Remember(k, v, positions, context);
  const Matrix mixed = Attention(q, positions, context, config, window_, frequencies_);
  return Project(mixed, w, LinearKind::kO);
}

Matrix FloatModel::Mlp(const Matrix& x, const FloatLayer& w) const {
  const Matrix gate = Project(x, w, LinearKind::kGate);
  const Matrix up = Project(x, w, LinearKind::kUp);
  return Project(SiluMul(gate, up), w, LinearKind::kDown);
}

// Appends keys and values and drops those that no token from the first of `positions` on can see.
void FloatModel::Remember(const Matrix& keys, const Matrix& values,
                          const std::vector<int64_t>& positions, Context& context) const {
  std::vector<int64_t> kept;
  for (size_t i = 0; i < context.positions.size(); ++i) {
    const int64_t position = context.positions[i];
    const bool is_needed = window_.window == AttentionWindow::kAll || position < window_.n_sinks ||
                           positions.front() - position < window_.window;
    if (is_needed) kept.push_back(static_cast<int64_t>(i));
  }
  const auto n_kept = static_cast<int64_t>(kept.size());
  Context next;
  next.keys.resize(n_kept + keys.rows(), keys.cols());
  next.values.resize(n_kept + keys.rows(), keys.cols());
  for (int64_t i = 0; i < n_kept; ++i) {
    const auto from = kept[static_cast<size_t>(i)];
    next.keys.row(i) = context.keys.row(from);
    next.values.row(i) = context.values.row(from);
    next.positions.push_back(context.positions[static_cast<size_t>(from)]);
  }
  next.keys.bottomRows(keys.rows()) = keys;
  next.values.bottomRows(keys.rows()) = values;
  next.positions.insert(next.positions.end(), positions.begin(), positions.end());
  context = std::move(next);
}

}  // namespace accllm::reference
