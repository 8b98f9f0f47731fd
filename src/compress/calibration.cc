#include "compress/calibration.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/file_io.h"
#include "base/mapped_file.h"

namespace accllm {
namespace {

// Samples whose activations are held at a time.
constexpr size_t kPairsAtOnce = 8;

}  // namespace

Calibration::Calibration(const ModelConfig& config, const std::vector<float>& embedding,
                         const std::vector<std::vector<int32_t>>& samples, ThreadPool& pool)
    : config_(config),
      frequencies_(config.head_dim, config.rope_theta, config.rope_factors),
      pool_(pool) {
  for (const std::vector<int32_t>& tokens : samples) {
    Matrix x(static_cast<int64_t>(tokens.size()), config.hidden_size);
    for (size_t t = 0; t < tokens.size(); ++t) {
      std::copy_n(embedding.begin() + tokens[t] * config.hidden_size, config.hidden_size,
                  x.row(static_cast<int64_t>(t)).data());
    }
    samples_.push_back({x, x});
  }
  if (!samples.empty()) {
    positions_.resize(samples.front().size());
    std::iota(positions_.begin(), positions_.end(), 0);
  }
}

void Calibration::ForEach(const PairFunction& f,
                          const std::function<void(Pair&, const Pair&)>& use) {
  std::vector<Pair> results(kPairsAtOnce);
  for (size_t first = 0; first < samples_.size(); first += kPairsAtOnce) {
    const size_t n = std::min(kPairsAtOnce, samples_.size() - first);
    pool_.ParallelFor(static_cast<int64_t>(n), [&](int64_t begin, int64_t end, int) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        results[i] = f(samples_[first + i]);
      }
    });
    for (size_t i = 0; i < n; ++i) use(samples_[first + i], results[i]);
  }
}

StageMoments Calibration::MomentsOf(int64_t cols, bool with_residual, const BlockFunction& input,
                                    const FloatLayer& original, const FloatLayer& w) {
  const auto view = [](const Matrix& m) {
    return std::span(m.data(), static_cast<size_t>(m.size()));
  };
  StageMoments moments = {SecondMoment(cols), CrossMoment(cols, cols), std::nullopt};
  if (with_residual) moments.residual.emplace(config_.hidden_size, cols);
  ForEach(
      [&](const Pair& s) {
        return Pair{input(s.real, original), input(s.compressed, w)};
      },
      [&](Pair& s, const Pair& x) {
        moments.second.Add(view(x.compressed), pool_);
        const Matrix difference = x.real - x.compressed;
        moments.deviation.Add(view(difference), view(x.compressed), pool_);
        if (!with_residual) return;
        const Matrix lost = s.real - s.compressed;
        moments.residual->Add(view(lost), view(x.compressed), pool_);
      });
  return moments;
}

void Calibration::Apply(const BlockFunction& output, const FloatLayer& original,
                        const FloatLayer& w) {
  ForEach(
      [&](const Pair& s) {
        return Pair{output(s.real, original), output(s.compressed, w)};
      },
      [](Pair& s, const Pair& y) {
        s.real += y.real;
        s.compressed += y.compressed;
      });
}

std::vector<float> Calibration::MaximaOf(int64_t cols,
                                         const std::function<Matrix(const Matrix& x)>& f) {
  std::vector<float> maxima(static_cast<size_t>(cols), 0.0F);
  Eigen::Map<Eigen::RowVectorXf> view(maxima.data(), cols);
  ForEach(
      [&](const Pair& s) {
        return Pair{{}, f(s.compressed)};
      },
      [&](Pair&, const Pair& x) {
        view = view.cwiseMax(x.compressed.cwiseAbs().colwise().maxCoeff());
      });
  return maxima;
}

Calibration::Matrix Calibration::NormedForAttention(const Matrix& x, const FloatLayer& w) const {
  return reference::RmsNorm(x, w.vector(VectorKind::kInputLayernorm), config_.rms_norm_eps);
}

Calibration::Matrix Calibration::NormedForMlp(const Matrix& x, const FloatLayer& w) const {
  return reference::RmsNorm(x, w.vector(VectorKind::kPostAttentionLayernorm), config_.rms_norm_eps);
}

Calibration::Matrix Calibration::RotatedKeys(const Matrix& normed, const FloatLayer& w) const {
  return reference::Rope(reference::HeadNorm(reference::Linear(normed, w, LinearKind::kK),
                                             w.vector(VectorKind::kKNorm), config_.rms_norm_eps),
                         positions_, config_.head_dim, frequencies_);
}

Calibration::Matrix Calibration::Attend(const Matrix& x, const FloatLayer& w) const {
  const Matrix normed = NormedForAttention(x, w);
  const Matrix q = reference::HeadNorm(reference::Linear(normed, w, LinearKind::kQ),
                                       w.vector(VectorKind::kQNorm), config_.rms_norm_eps);
  const reference::Context context = {RotatedKeys(normed, w),
                                      reference::Linear(normed, w, LinearKind::kV), positions_};
  return reference::Attention(q, positions_, context, config_, TrainedAttention(config_),
                              frequencies_);
}

Calibration::Matrix Calibration::Hidden(const Matrix& x, const FloatLayer& w) const {
  const Matrix normed = NormedForMlp(x, w);
  return reference::SiluMul(reference::Linear(normed, w, LinearKind::kGate),
                            reference::Linear(normed, w, LinearKind::kUp));
}

LayerMaxima Calibration::Maxima(const FloatLayer& w) {
  const auto after_attention = [&](const Matrix& x) -> Matrix {
    return x + reference::Linear(Attend(x, w), w, LinearKind::kO);
  };
  LayerMaxima maxima;
  maxima.attention_input =
      MaximaOf(config_.hidden_size, [&](const Matrix& x) { return NormedForAttention(x, w); });
  maxima.attention_output =
      MaximaOf(config_.q_size(), [&](const Matrix& x) { return Attend(x, w); });
  maxima.mlp_input = MaximaOf(config_.hidden_size,
                              [&](const Matrix& x) { return NormedForMlp(after_attention(x), w); });
  maxima.mlp_hidden = MaximaOf(config_.intermediate_size,
                               [&](const Matrix& x) { return Hidden(after_attention(x), w); });
  return maxima;
}

StageMoments Calibration::AttentionInput(const FloatLayer& original, const FloatLayer& w) {
  return MomentsOf(
      config_.hidden_size, false,
      [this](const Matrix& x, const FloatLayer& layer) { return NormedForAttention(x, layer); },
      original, w);
}

StageMoments Calibration::AttentionOutput(const FloatLayer& original, const FloatLayer& w) {
  return MomentsOf(
      config_.q_size(), true,
      [this](const Matrix& x, const FloatLayer& layer) { return Attend(x, layer); }, original, w);
}

StageMoments Calibration::MlpInput(const FloatLayer& original, const FloatLayer& w) {
  return MomentsOf(
      config_.hidden_size, false,
      [this](const Matrix& x, const FloatLayer& layer) { return NormedForMlp(x, layer); }, original,
      w);
}

StageMoments Calibration::MlpHidden(const FloatLayer& original, const FloatLayer& w) {
  return MomentsOf(
      config_.intermediate_size, true,
      [this](const Matrix& x, const FloatLayer& layer) { return Hidden(x, layer); }, original, w);
}

void Calibration::ApplyAttention(const FloatLayer& original, const FloatLayer& w) {
  Apply(
      [this](const Matrix& x, const FloatLayer& layer) {
        return reference::Linear(Attend(x, layer), layer, LinearKind::kO);
      },
      original, w);
}

void Calibration::ApplyMlp(const FloatLayer& original, const FloatLayer& w) {
  Apply(
      [this](const Matrix& x, const FloatLayer& layer) {
        return reference::Linear(Hidden(x, layer), layer, LinearKind::kDown);
      },
      original, w);
}

std::vector<const Calibration::Matrix*> Calibration::FloatStreams() const {
  std::vector<const Matrix*> streams;
  for (const Pair& s : samples_) streams.push_back(&s.real);
  return streams;
}

std::vector<Calibration::Matrix> Calibration::CompressedStreams() const {
  std::vector<Matrix> streams;
  for (const Pair& s : samples_) streams.push_back(s.compressed);
  return streams;
}

void Calibration::ReplaceCompressedStreams(std::vector<Matrix> streams) {
  assert(streams.size() == samples_.size());
  for (size_t i = 0; i < samples_.size(); ++i) samples_[i].compressed = std::move(streams[i]);
}

Status Calibration::Save(const std::string& path) const {
  std::vector<std::span<const uint8_t>> parts;
  for (const Pair& s : samples_) {
    for (const Matrix* x : {&s.real, &s.compressed}) {
      parts.emplace_back(reinterpret_cast<const uint8_t*>(x->data()),
                         static_cast<size_t>(x->size()) * sizeof(float));
    }
  }
  return WriteFileAtomically(path, parts);
}

Status Calibration::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  size_t expected = 0;
  for (const Pair& s : samples_) {
    expected += static_cast<size_t>(s.real.size() + s.compressed.size()) * sizeof(float);
  }
  if (file.bytes().size() != expected) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: {} bytes, {} expected", path, file.bytes().size(), expected),
                "start again without --resume");
  }
  const uint8_t* at = file.bytes().data();
  for (Pair& s : samples_) {
    for (Matrix* x : {&s.real, &s.compressed}) {
      const size_t bytes = static_cast<size_t>(x->size()) * sizeof(float);
      std::memcpy(x->data(), at, bytes);
      at += bytes;
    }
  }
  return {};
}

}  // namespace accllm
