#include "compress/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/file_io.h"
#include "base/mapped_file.h"

namespace accllm {
namespace {

// Samples whose activations are held at a time.
constexpr size_t kBatch = 8;

}  // namespace

Calibration::Calibration(const ModelConfig& config, const std::vector<float>& embedding,
                         const std::vector<std::vector<int32_t>>& samples, ThreadPool& pool)
    : config_(config), frequencies_(config.head_dim, config.rope_theta), pool_(pool) {
  for (const std::vector<int32_t>& tokens : samples) {
    Matrix x(static_cast<int64_t>(tokens.size()), config.hidden_size);
    for (size_t t = 0; t < tokens.size(); ++t) {
      std::copy_n(embedding.begin() + tokens[t] * config.hidden_size, config.hidden_size,
                  x.row(static_cast<int64_t>(t)).data());
    }
    samples_.push_back(std::move(x));
  }
  if (!samples.empty()) {
    positions_.resize(samples.front().size());
    std::iota(positions_.begin(), positions_.end(), 0);
  }
}

void Calibration::ForEach(const SampleFunction& f,
                          const std::function<void(size_t, const Matrix&)>& use) {
  std::vector<Matrix> results(kBatch);
  for (size_t first = 0; first < samples_.size(); first += kBatch) {
    const size_t n = std::min(kBatch, samples_.size() - first);
    pool_.ParallelFor(static_cast<int64_t>(n), [&](int64_t begin, int64_t end, int) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        results[i] = f(samples_[first + i]);
      }
    });
    for (size_t i = 0; i < n; ++i) use(first + i, results[i]);
  }
}

SecondMoment Calibration::MomentOf(int64_t cols, const SampleFunction& f) {
  SecondMoment moment(cols);
  ForEach(f, [&](size_t, const Matrix& x) {
    moment.Add(std::span(x.data(), static_cast<size_t>(x.size())), pool_);
  });
  return moment;
}

std::vector<float> Calibration::MaximaOf(int64_t cols, const SampleFunction& f) {
  std::vector<float> maxima(static_cast<size_t>(cols), 0.0F);
  Eigen::Map<Eigen::RowVectorXf> view(maxima.data(), cols);
  ForEach(
      f, [&](size_t, const Matrix& x) { view = view.cwiseMax(x.cwiseAbs().colwise().maxCoeff()); });
  return maxima;
}

Calibration::Matrix Calibration::RotatedKeys(const Matrix& normed, const FloatLayer& w) const {
  return reference::Rope(reference::Linear(normed, w.k_proj, config_.kv_size()), positions_,
                         config_.head_dim, frequencies_);
}

Calibration::Matrix Calibration::Attend(const Matrix& x, const FloatLayer& w) const {
  const Matrix normed = reference::RmsNorm(x, w.input_layernorm, config_.rms_norm_eps);
  const Matrix q = reference::Linear(normed, w.q_proj, config_.q_size());
  const reference::Context context = {
      RotatedKeys(normed, w), reference::Linear(normed, w.v_proj, config_.kv_size()), positions_};
  return reference::Attention(q, positions_, context, config_, {0, AttentionWindow::kAll},
                              frequencies_);
}

Calibration::Matrix Calibration::Hidden(const Matrix& x, const FloatLayer& w) const {
  const Matrix normed = reference::RmsNorm(x, w.post_attention_layernorm, config_.rms_norm_eps);
  return reference::SiluMul(reference::Linear(normed, w.gate_proj, config_.intermediate_size),
                            reference::Linear(normed, w.up_proj, config_.intermediate_size));
}

LayerMaxima Calibration::Maxima(const FloatLayer& w) {
  const float eps = config_.rms_norm_eps;
  LayerMaxima maxima;
  maxima.attention_input = MaximaOf(config_.hidden_size, [&](const Matrix& x) {
    return reference::RmsNorm(x, w.input_layernorm, eps);
  });
  maxima.keys = MaximaOf(config_.kv_size(), [&](const Matrix& x) {
    return RotatedKeys(reference::RmsNorm(x, w.input_layernorm, eps), w);
  });
  const auto after_attention = [&](const Matrix& x) -> Matrix {
    return x + reference::Linear(Attend(x, w), w.o_proj, config_.hidden_size);
  };
  maxima.attention_output =
      MaximaOf(config_.q_size(), [&](const Matrix& x) { return Attend(x, w); });
  maxima.mlp_input = MaximaOf(config_.hidden_size, [&](const Matrix& x) {
    return reference::RmsNorm(after_attention(x), w.post_attention_layernorm, eps);
  });
  maxima.mlp_hidden = MaximaOf(config_.intermediate_size,
                               [&](const Matrix& x) { return Hidden(after_attention(x), w); });
  return maxima;
}

SecondMoment Calibration::AttentionInput(const FloatLayer& w) {
  return MomentOf(config_.hidden_size, [&](const Matrix& x) {
    return reference::RmsNorm(x, w.input_layernorm, config_.rms_norm_eps);
  });
}

SecondMoment Calibration::AttentionOutput(const FloatLayer& w) {
  return MomentOf(config_.q_size(), [&](const Matrix& x) { return Attend(x, w); });
}

SecondMoment Calibration::MlpInput(const FloatLayer& w) {
  return MomentOf(config_.hidden_size, [&](const Matrix& x) {
    return reference::RmsNorm(x, w.post_attention_layernorm, config_.rms_norm_eps);
  });
}

SecondMoment Calibration::MlpHidden(const FloatLayer& w) {
  return MomentOf(config_.intermediate_size, [&](const Matrix& x) { return Hidden(x, w); });
}

void Calibration::ApplyAttention(const FloatLayer& w) {
  ForEach(
      [&](const Matrix& x) {
        return reference::Linear(Attend(x, w), w.o_proj, config_.hidden_size);
      },
      [&](size_t i, const Matrix& y) { samples_[i] += y; });
}

void Calibration::ApplyMlp(const FloatLayer& w) {
  ForEach(
      [&](const Matrix& x) {
        return reference::Linear(Hidden(x, w), w.down_proj, config_.hidden_size);
      },
      [&](size_t i, const Matrix& y) { samples_[i] += y; });
}

Status Calibration::Save(const std::string& path) const {
  std::vector<float> all;
  for (const Matrix& x : samples_) all.insert(all.end(), x.data(), x.data() + x.size());
  return WriteFileAtomically(
      path, std::span(reinterpret_cast<const uint8_t*>(all.data()), all.size() * sizeof(float)));
}

Status Calibration::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  size_t expected = 0;
  for (const Matrix& x : samples_) expected += static_cast<size_t>(x.size()) * sizeof(float);
  if (file.bytes().size() != expected) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: {} bytes, {} expected", path, file.bytes().size(), expected),
                "start again without --resume");
  }
  const uint8_t* at = file.bytes().data();
  for (Matrix& x : samples_) {
    const size_t bytes = static_cast<size_t>(x.size()) * sizeof(float);
    std::memcpy(x.data(), at, bytes);
    at += bytes;
  }
  return {};
}

}  // namespace accllm
