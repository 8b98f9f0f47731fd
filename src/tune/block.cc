#include "tune/block.h"

namespace accllm::tune {
namespace {

Matrix Project(const Matrix& x, const FloatLayer& w, LinearKind kind, ThreadPool& pool) {
  return Linear(x, w.linear(kind), w.bias(kind), pool);
}

Matrix ProjectBackward(const Matrix& dy, const Matrix& x, const FloatLayer& w, LinearKind kind,
                       FloatLayer& dw, ThreadPool& pool) {
  return LinearBackward(dy, x, w.linear(kind), dw.linear(kind), dw.bias(kind), pool);
}

}  // namespace

FloatLayer ZerosLike(const FloatLayer& w) {
  FloatLayer zeros;
  for (const VectorKind kind : kVectorKinds) zeros.vector(kind).resize(w.vector(kind).size());
  for (const LinearKind kind : kLinearKinds) zeros.linear(kind).resize(w.linear(kind).size());
  return zeros;
}

Block::Block(const ModelConfig& config, int64_t sequence_tokens,
             reference::SimulatedPrecision precision)
    : config_(config), precision_(precision), rotary_(config, sequence_tokens) {}

void Block::RoundInput(Matrix& x, ThreadPool& pool) const {
  if (precision_.a8) RoundToA8(x, pool);
}

Matrix Block::SelfAttention(const FloatLayer& w, BlockTape& tape, ThreadPool& pool) const {
  tape.q = Project(tape.attention_in, w, LinearKind::kQ, pool);
  tape.k = Project(tape.attention_in, w, LinearKind::kK, pool);
  tape.v = Project(tape.attention_in, w, LinearKind::kV, pool);
  if (config_.has_qk_norm) {
    tape.q_raw = std::move(tape.q);
    tape.k_raw = std::move(tape.k);
    const float eps = config_.rms_norm_eps;
    tape.q = RmsNorm(tape.q_raw, w.vector(VectorKind::kQNorm), eps, pool);
    tape.k = RmsNorm(tape.k_raw, w.vector(VectorKind::kKNorm), eps, pool);
  }
  Rotate(rotary_, tape.q, pool);
  Rotate(rotary_, tape.k, pool);
  if (precision_.kv4) {
    RoundKeys(tape.k, config_.head_dim, pool);
    RoundValues(tape.v, config_.head_dim, pool);
  }
  tape.mixed = Attention({tape.q, tape.k, tape.v}, config_, sequence_tokens(), pool);
  RoundInput(tape.mixed, pool);
  return Project(tape.mixed, w, LinearKind::kO, pool);
}

Matrix Block::Forward(const Matrix& x, const FloatLayer& w, BlockTape* tape,
                      ThreadPool& pool) const {
  BlockTape own;
  BlockTape& t = tape == nullptr ? own : *tape;
  const float eps = config_.rms_norm_eps;
  t.x = x;
  t.attention_in = RmsNorm(x, w.vector(VectorKind::kInputLayernorm), eps, pool);
  RoundInput(t.attention_in, pool);
  t.middle = x + SelfAttention(w, t, pool);
  t.mlp_in = RmsNorm(t.middle, w.vector(VectorKind::kPostAttentionLayernorm), eps, pool);
  RoundInput(t.mlp_in, pool);
  t.gate = Project(t.mlp_in, w, LinearKind::kGate, pool);
  t.up = Project(t.mlp_in, w, LinearKind::kUp, pool);
  t.hidden = SiluMul(t.gate, t.up, pool);
  RoundInput(t.hidden, pool);
  return t.middle + Project(t.hidden, w, LinearKind::kDown, pool);
}

Matrix Block::SelfAttentionBackward(const Matrix& dy, const FloatLayer& w, const BlockTape& tape,
                                    FloatLayer& dw, ThreadPool& pool) const {
  const Matrix dmixed = ProjectBackward(dy, tape.mixed, w, LinearKind::kO, dw, pool);
  AttentionGradient d =
      AttentionBackward(dmixed, {tape.q, tape.k, tape.v}, config_, sequence_tokens(), pool);
  RotateBackward(rotary_, d.q, pool);
  RotateBackward(rotary_, d.k, pool);
  if (config_.has_qk_norm) {
    const float eps = config_.rms_norm_eps;
    d.q = RmsNormBackward(d.q, tape.q_raw, w.vector(VectorKind::kQNorm), eps,
                          dw.vector(VectorKind::kQNorm), pool);
    d.k = RmsNormBackward(d.k, tape.k_raw, w.vector(VectorKind::kKNorm), eps,
                          dw.vector(VectorKind::kKNorm), pool);
  }
  Matrix dx = ProjectBackward(d.q, tape.attention_in, w, LinearKind::kQ, dw, pool);
  dx += ProjectBackward(d.k, tape.attention_in, w, LinearKind::kK, dw, pool);
  dx += ProjectBackward(d.v, tape.attention_in, w, LinearKind::kV, dw, pool);
  return dx;
}

Matrix Block::Backward(const Matrix& dy, const FloatLayer& w, const BlockTape& tape, FloatLayer& dw,
                       ThreadPool& pool) const {
  const float eps = config_.rms_norm_eps;
  const SiluMulGradient d = SiluMulBackward(
      ProjectBackward(dy, tape.hidden, w, LinearKind::kDown, dw, pool), tape.gate, tape.up, pool);
  Matrix dmlp_in = ProjectBackward(d.gate, tape.mlp_in, w, LinearKind::kGate, dw, pool);
  dmlp_in += ProjectBackward(d.up, tape.mlp_in, w, LinearKind::kUp, dw, pool);
  const Matrix dmiddle =
      dy + RmsNormBackward(dmlp_in, tape.middle, w.vector(VectorKind::kPostAttentionLayernorm), eps,
                           dw.vector(VectorKind::kPostAttentionLayernorm), pool);
  const Matrix dattention_in = SelfAttentionBackward(dmiddle, w, tape, dw, pool);
  return dmiddle + RmsNormBackward(dattention_in, tape.x, w.vector(VectorKind::kInputLayernorm),
                                   eps, dw.vector(VectorKind::kInputLayernorm), pool);
}

}  // namespace accllm::tune
