#include "reference/integer_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/block_codec.h"
#include "base/fp16.h"
#include "base/index.h"
#include "base/tensor_names.h"
#include "kernels/attention/query_heads.h"
#include "kernels/hadamard/hadamard.h"
#include "kernels/linear/linear.h"
#include "kernels/quantize/quantize.h"
#include "kernels/rmsnorm/rmsnorm.h"
#include "kernels/silu/silu.h"

namespace accllm::reference {
namespace {

void AddTo(std::vector<float>& x, const std::vector<float>& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

// Activation k of position-major codes (kernels/quantize/quantize.h).
int64_t ActivationOf(const std::vector<uint8_t>& codes, int64_t k) {
  const int64_t in_block = k % 256;
  return int64_t{codes[Index(k - in_block + 64 * (in_block % 4) + in_block / 4)]} - 128;
}

}  // namespace

IntegerModel::IntegerModel(const ModelConfig& config, AttentionWindow window)
    : config_(config),
      window_(window),
      frequencies_(config.head_dim, config.rope_theta, config.rope_factors) {
  Reset();
}

Result<std::unique_ptr<IntegerModel>> IntegerModel::Load(const PackedFile& packed,
                                                         AttentionWindow window) {
  const ModelConfig& config = packed.config();
  std::unique_ptr<IntegerModel> model(new IntegerModel(config, window));
  ACCLLM_ASSIGN_OR_RETURN(model->embedding_, LoadWeight(packed, std::string(kEmbedTokensName)));
  if (!config.tie_word_embeddings) {
    ACCLLM_ASSIGN_OR_RETURN(model->lm_head_, LoadWeight(packed, std::string(kLmHeadName)));
  }
  ACCLLM_ASSIGN_OR_RETURN(model->final_norm_, packed.ReadFloat(kFinalNormName));
  for (int64_t i = 0; i < config.n_layers; ++i) {
    Layer layer;
    ACCLLM_ASSIGN_OR_RETURN(layer.vectors, packed.ReadVectors(i));
    for (const LinearKind kind : kLinearKinds) {
      ACCLLM_ASSIGN_OR_RETURN(Weight weight, LoadWeight(packed, LayerTensorName(i, kind)));
      layer.linear.push_back(std::move(weight));
    }
    model->layers_.push_back(std::move(layer));
  }
  return model;
}

Result<IntegerModel::Weight> IntegerModel::LoadWeight(const PackedFile& packed,
                                                      const std::string& name) {
  ACCLLM_ASSIGN_OR_RETURN(const PackedTensor* tensor, packed.Find(name));
  Weight weight;
  weight.rows = tensor->rows;
  weight.cols = tensor->cols;
  if (IsBlockType(tensor->type)) {
    ACCLLM_ASSIGN_OR_RETURN(weight.quantized,
                            UnpackMatrix(tensor->type, tensor->rows, tensor->cols, tensor->bytes));
    ACCLLM_ASSIGN_OR_RETURN(weight.low_rank, packed.ReadLowRank(name));
  } else {
    weight.halves.resize(Index(tensor->rows * tensor->cols));
    std::memcpy(weight.halves.data(), tensor->bytes.data(), tensor->bytes.size());
  }
  return weight;
}

void IntegerModel::Reset() {
  const kernels::KvList empty(config_.head_dim);
  histories_.assign(Index(config_.n_layers),
                    std::vector<History>(Index(config_.n_kv_heads), {empty, empty}));
  position_ = 0;
}

Status IntegerModel::Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Vector row = Step(tokens[i]);
    const auto from_end = static_cast<int64_t>(tokens.size() - i);
    if (from_end > n_logits) continue;
    if (!std::all_of(row.begin(), row.end(), [](float v) { return std::isfinite(v); })) {
      return Fail(ErrorCode::kNumeric,
                  fmt::format("a logit at position {} is not finite", position_ - 1));
    }
    std::copy(row.begin(), row.end(), logits + (n_logits - from_end) * config_.vocab_size);
  }
  return {};
}

IntegerModel::Vector IntegerModel::Multiply(const Weight& w, const Vector& x) {
  Vector y(Index(w.rows));
  if (!w.halves.empty()) {
    for (int64_t r = 0; r < w.rows; ++r) {
      y[Index(r)] = kernels::DotF16Scalar(w.halves.data() + r * w.cols, x.data(), w.cols);
    }
    return y;
  }
  std::vector<uint8_t> codes(Index(RoundUp(w.cols, format::kBlockWeights)));
  float a_scale = 0;
  kernels::QuantizeActivationsScalar(x.data(), w.cols, codes.data(), &a_scale);
  const QuantizedMatrix& q = w.quantized;
  for (int64_t r = 0; r < w.rows; ++r) {
    int64_t acc = 0;
    for (int64_t k = 0; k < w.cols; ++k) {
      acc += ActivationOf(codes, k) * q.levels[Index(r * q.level_cols() + k)] *
             q.multipliers[Index(r * q.n_groups() + k / format::kGroupWeights)];
    }
    y[Index(r)] = static_cast<float>(acc) * (q.row_scales[Index(r)] * a_scale);
  }
  if (w.low_rank) AddLowRank(*w.low_rank, codes, a_scale, y);
  return y;
}

void IntegerModel::AddLowRank(const LowRank& low_rank, const std::vector<uint8_t>& codes,
                              float a_scale, Vector& y) {
  const Int8Matrix& a = low_rank.a;
  const Int8Matrix& b = low_rank.b;
  Vector u(Index(low_rank.rank()));
  for (int64_t i = 0; i < low_rank.rank(); ++i) {
    int64_t acc = 0;
    for (int64_t k = 0; k < a.cols; ++k) {
      acc += ActivationOf(codes, k) * a.levels[Index(i * a.cols + k)];
    }
    u[Index(i)] =
        static_cast<float>(acc) * ((a.row_scales[Index(i)] * b.row_scales[Index(i)]) * a_scale);
  }
  std::vector<uint8_t> u_codes(Index(RoundUp(low_rank.rank(), format::kBlockWeights)));
  float u_scale = 0;
  kernels::QuantizeActivationsScalar(u.data(), low_rank.rank(), u_codes.data(), &u_scale);
  for (int64_t r = 0; r < b.cols; ++r) {
    int64_t acc = 0;
    for (int64_t i = 0; i < low_rank.rank(); ++i) {
      acc += ActivationOf(u_codes, i) * b.levels[Index(i * b.cols + r)];
    }
    y[Index(r)] += static_cast<float>(acc) * u_scale;
  }
}

IntegerModel::Vector IntegerModel::RowOf(const Weight& w, int64_t row) {
  Vector values(Index(w.cols));
  const QuantizedMatrix& q = w.quantized;
  for (int64_t k = 0; k < w.cols; ++k) {
    if (!w.halves.empty()) {
      values[Index(k)] = HalfToFloat(w.halves[Index(row * w.cols + k)]);
    } else {
      const int level = q.levels[Index(row * q.level_cols() + k)];
      const int multiplier = q.multipliers[Index(row * q.n_groups() + k / format::kGroupWeights)];
      values[Index(k)] = static_cast<float>(level * multiplier) * q.row_scales[Index(row)];
    }
  }
  return values;
}

IntegerModel::Vector IntegerModel::Project(const Vector& x, const Layer& layer, LinearKind kind) {
  Vector y = Multiply(layer.linear[static_cast<size_t>(kind)], x);
  const Vector& bias = layer.vectors.at(BiasOf(kind));
  if (!bias.empty()) AddTo(y, bias);
  return y;
}

// Of the whole vector, or of every head where the weight is as wide as one; x itself if there is no
// weight.
IntegerModel::Vector IntegerModel::Norm(const Vector& x, const Vector& weight) const {
  if (weight.empty()) return x;
  Vector y(x.size());
  for (size_t at = 0; at < x.size(); at += weight.size()) {
    kernels::RmsNormScalar(x.data() + at, weight.data(), static_cast<int64_t>(weight.size()),
                           config_.rms_norm_eps, y.data() + at);
  }
  return y;
}

IntegerModel::Vector IntegerModel::AttendHead(const Vector& q, int64_t kv_head,
                                              const History& history) const {
  const int64_t dim = config_.head_dim;
  const int64_t n_heads = config_.heads_per_kv_head();
  const bool is_full = window_.window == AttentionWindow::kAll;
  const int64_t sink_position =
      is_full ? position_ : std::min(position_, window_.n_sinks + window_.window - 1);
  const auto rotated = [&](int64_t position) {
    kernels::QueryHeads heads(n_heads, dim);
    Vector cosines(Index(dim / 2));
    Vector sines(Index(dim / 2));
    Vector head(Index(dim));
    frequencies_.AnglesAt(position, cosines.data(), sines.data());
    for (int64_t h = 0; h < n_heads; ++h) {
      kernels::Rope(q.data() + (kv_head * n_heads + h) * dim, cosines.data(), sines.data(), dim,
                    head.data());
      heads.Set(h, head.data());
    }
    return heads;
  };
  const kernels::QueryHeads for_window = rotated(position_);
  const kernels::QueryHeads for_sinks = rotated(sink_position);
  const int64_t n_sinks = std::min(window_.n_sinks, position_ + 1);
  const int64_t first = is_full ? 0 : position_ - window_.window + 1;
  const std::array<kernels::SlotRange, 2> ranges = {
      kernels::SlotRange{0, n_sinks, true},
      kernels::SlotRange{std::max(n_sinks, first), position_ + 1, false}};
  const kernels::AttentionQuery query = {n_heads, dim, for_window.view(), for_sinks.view()};
  const kernels::KvHead cache = {history.keys.rows(), history.values.rows()};
  Vector scratch(Index(kernels::AttentionScratchFloats(position_ + 1, n_heads, dim)));
  Vector out(Index(n_heads * dim));
  kernels::AttentionScalar(cache, query, ranges, scratch.data(), out.data());
  return out;
}

IntegerModel::Vector IntegerModel::SelfAttention(const Vector& x, const Layer& layer,
                                                 std::vector<History>& histories) const {
  const int64_t dim = config_.head_dim;
  const Vector q = Norm(Project(x, layer, LinearKind::kQ), layer.vectors.at(VectorKind::kQNorm));
  Vector k = Norm(Project(x, layer, LinearKind::kK), layer.vectors.at(VectorKind::kKNorm));
  const Vector v = Project(x, layer, LinearKind::kV);
  Vector cosines(Index(dim / 2));
  Vector sines(Index(dim / 2));
  frequencies_.AnglesAt(position_, cosines.data(), sines.data());
  Vector mixed;
  for (int64_t head = 0; head < config_.n_kv_heads; ++head) {
    History& history = histories[Index(head)];
    float* key = k.data() + head * dim;
    kernels::Rope(key, cosines.data(), sines.data(), dim, key);
    kernels::Hadamard(key, dim);
    history.keys.Append(key);
    history.values.Append(v.data() + head * dim);
    const Vector out = AttendHead(q, head, history);
    mixed.insert(mixed.end(), out.begin(), out.end());
  }
  return Project(mixed, layer, LinearKind::kO);
}

IntegerModel::Vector IntegerModel::Mlp(const Vector& x, const Layer& layer) const {
  Vector gate = Project(x, layer, LinearKind::kGate);
  const Vector up = Project(x, layer, LinearKind::kUp);
  kernels::SiluMulScalar(gate.data(), up.data(), static_cast<int64_t>(gate.size()), gate.data());
  return Project(gate, layer, LinearKind::kDown);
}

IntegerModel::Vector IntegerModel::Step(int32_t token) {
  Vector x = RowOf(embedding_, token);
  for (int64_t i = 0; i < config_.n_layers; ++i) {
    const Layer& layer = layers_[Index(i)];
    const LayerVectors& v = layer.vectors;
    AddTo(x,
          SelfAttention(Norm(x, v.at(VectorKind::kInputLayernorm)), layer, histories_[Index(i)]));
    AddTo(x, Mlp(Norm(x, v.at(VectorKind::kPostAttentionLayernorm)), layer));
  }
  ++position_;
  return Multiply(config_.tie_word_embeddings ? embedding_ : lm_head_, Norm(x, final_norm_));
}

}  // namespace accllm::reference
