#include "compress/sensitivity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/tensor_names.h"
#include "compress/calibration.h"
#include "compress/choose_codes.h"
#include "linalg/linalg.h"
#include "tune/block.h"
#include "tune/loss.h"

namespace accllm {
namespace {

using format::TensorType;
using reference::Matrix;

// Tokens of the backward pass; more change the estimates by less than their other errors.
constexpr int64_t kGradientTokens = 8192;
constexpr int64_t kKeptBytes = int64_t{1} << 30;
// Share of the work that the forward pass takes, about: it chooses codes.
constexpr double kForwardShare = 0.9;

// The squared output errors of one type, as means over tokens.
struct RowErrors {
  std::vector<double> steady;   // dw_r E[m m^T] dw_r^T: [rows]
  std::vector<double> varying;  // dw_r (E[x x^T] - E[m m^T]) dw_r^T: [rows]
};

// The inputs of a stage.
struct StageInputs {
  InputStatistics statistics;
  std::vector<float> means;  // of each sample: [n_samples, cols]
  double n_tokens = 0;
};

RowErrors ErrorsOf(const WeightMatrix& matrix, const StageInputs& inputs,
                   const QuantizedMatrix& quantized, ThreadPool& pool) {
  std::vector<float> dw = Dequantize(quantized);  // [rows, cols]
  for (size_t i = 0; i < dw.size(); ++i) dw[i] -= matrix.weights[i];
  const std::vector<float> product = Multiply(dw, inputs.statistics.h, matrix.rows, matrix.cols,
                                              matrix.cols, pool);  // [rows, cols]
  const int64_t n_samples = std::ssize(inputs.means) / matrix.cols;
  std::vector<float> steady(static_cast<size_t>(matrix.rows * n_samples));  // [rows, n_samples]
  MultiplyTransposed(dw, inputs.means, matrix.rows, matrix.cols, n_samples, steady, pool);
  RowErrors errors = {std::vector<double>(static_cast<size_t>(matrix.rows), 0.0),
                      std::vector<double>(static_cast<size_t>(matrix.rows), 0.0)};
  for (size_t i = 0; i < steady.size(); ++i) {
    errors.steady[i / static_cast<size_t>(n_samples)] += static_cast<double>(steady[i]) *
                                                         static_cast<double>(steady[i]) /
                                                         static_cast<double>(n_samples);
  }
  for (size_t i = 0; i < dw.size(); ++i) {
    errors.varying[i / static_cast<size_t>(matrix.cols)] +=
        static_cast<double>(dw[i]) * static_cast<double>(product[i]) / inputs.n_tokens;
  }
  for (size_t r = 0; r < errors.varying.size(); ++r) errors.varying[r] -= errors.steady[r];
  return errors;
}

// What the two passes know of one matrix.
struct Measured {
  std::vector<RowErrors> errors;  // of each type
  // Sums over tokens of g_r^2, and over samples of the square of g_r's sum: [rows].
  std::vector<double> squares;
  std::vector<double> squared_sums;
};

class SensitivityPass {
 public:
  SensitivityPass(const SensitivityTask& task, ThreadPool& pool)
      : task_(task), config_(task.checkpoint.config()), pool_(pool) {
    const int64_t sample_tokens = std::ssize(task.samples.front());
    const int64_t sample_bytes = sample_tokens * (config_.n_layers + 1) * config_.hidden_size *
                                 static_cast<int64_t>(sizeof(float));
    const int64_t n_samples = std::ssize(task.samples);
    n_kept_ = std::clamp<int64_t>(
        std::min(kGradientTokens / sample_tokens, kKeptBytes / sample_bytes), 1, n_samples);
    n_gradient_tokens_ = n_kept_ * sample_tokens;
  }

  Result<MatrixLosses> Run() {
    ACCLLM_RETURN_IF_ERROR(Forward());
    ACCLLM_RETURN_IF_ERROR(Backward());
    MatrixLosses losses;
    for (int64_t layer = 0; layer < config_.n_layers; ++layer) {
      for (const LinearKind kind : kLinearKinds) {
        ACCLLM_RETURN_IF_ERROR(AddLosses(layer, kind, losses));
      }
    }
    return losses;
  }

 private:
  Measured& At(int64_t layer, LinearKind kind) {
    return measured_[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }

  Status Announce(double share, const std::string& step) const {
    if (task_.before_matrix(share, step)) return {};
    return Fail(ErrorCode::kInterrupted, fmt::format("stopped while {}", step),
                "give the same command again");
  }

  // The errors of every matrix and type, and the streams of the samples that are kept.
  Status Forward() {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> embedding, task_.checkpoint.ReadEmbedding());
    Calibration calibration(config_, embedding, task_.samples, pool_);
    measured_.resize(static_cast<size_t>(config_.n_layers));
    for (int64_t layer = 0; layer < config_.n_layers; ++layer) {
      KeepStreams(calibration);
      ACCLLM_ASSIGN_OR_RETURN(const FloatLayer w, task_.checkpoint.ReadLayer(layer));
      ACCLLM_RETURN_IF_ERROR(RunStage(layer, {LinearKind::kQ, LinearKind::kK, LinearKind::kV}, w,
                                      calibration.AttentionInput(w, w)));
      ACCLLM_RETURN_IF_ERROR(
          RunStage(layer, {LinearKind::kO}, w, calibration.AttentionOutput(w, w)));
      calibration.ApplyAttention(w, w);
      ACCLLM_RETURN_IF_ERROR(
          RunStage(layer, {LinearKind::kGate, LinearKind::kUp}, w, calibration.MlpInput(w, w)));
      ACCLLM_RETURN_IF_ERROR(RunStage(layer, {LinearKind::kDown}, w, calibration.MlpHidden(w, w)));
      calibration.ApplyMlp(w, w);
    }
    KeepStreams(calibration);
    return {};
  }

  void KeepStreams(const Calibration& calibration) {
    const std::vector<const Matrix*> all = calibration.FloatStreams();
    std::vector<Matrix> kept;
    for (int64_t i = 0; i < n_kept_; ++i) {
      kept.push_back(*all[static_cast<size_t>(i * std::ssize(all) / n_kept_)]);
    }
    streams_.push_back(std::move(kept));
  }

  // Linear layers that share their input.
  Status RunStage(int64_t layer, std::initializer_list<LinearKind> kinds, const FloatLayer& w,
                  StageMoments moments) {
    StageInputs inputs = {
        {}, std::move(moments.means), static_cast<double>(moments.second.n_tokens())};
    InputStatistics& statistics = inputs.statistics;
    statistics.h = moments.second.Release();
    for (const LinearKind kind : kinds) {
      const std::string name = LayerTensorName(layer, kind);
      const double place = static_cast<double>(layer) +
                           static_cast<double>(kind) / static_cast<double>(kLinearKinds.size());
      ACCLLM_RETURN_IF_ERROR(Announce(kForwardShare * place / static_cast<double>(config_.n_layers),
                                      fmt::format("{}: measuring errors", name)));
      const std::vector<TensorType> types = task_.types_of(name);
      if (types.empty()) continue;
      const LinearShape shape = ShapeOfLinear(config_, kind);
      if (statistics.inverse.upper.empty()) {
        ACCLLM_ASSIGN_OR_RETURN(
            statistics.inverse,
            InverseCholeskyUpper(statistics.h, shape.cols, DampingOf(task_.recipe), name, pool_));
      }
      const WeightMatrix matrix = {w.linear(kind), shape.rows, shape.cols, name};
      for (const TensorType type : types) {
        std::optional<PatternSet> kept;
        if (type == TensorType::kW2S24) {
          kept = KeptPatterns(matrix.weights, shape.rows, shape.cols);
        }
        ACCLLM_ASSIGN_OR_RETURN(
            const QuantizedMatrix quantized,
            ChooseCodes(task_.recipe, type, matrix, kept ? &*kept : nullptr, &statistics, pool_));
        At(layer, kind).errors.push_back(ErrorsOf(matrix, inputs, quantized, pool_));
      }
    }
    return {};
  }

  // The gradients at every matrix's output.
  Status Backward() {
    ACCLLM_ASSIGN_OR_RETURN(std::vector<Matrix> dy, HeadGradients());
    const tune::Block block(config_, std::ssize(task_.samples.front()), {});
    for (int64_t layer = config_.n_layers - 1; layer >= 0; --layer) {
      const auto done = static_cast<double>(config_.n_layers - 1 - layer);
      ACCLLM_RETURN_IF_ERROR(Announce(
          kForwardShare + (1 - kForwardShare) * done / static_cast<double>(config_.n_layers),
          fmt::format("layers.{}: measuring gradients", layer)));
      ACCLLM_ASSIGN_OR_RETURN(const FloatLayer w, task_.checkpoint.ReadLayer(layer));
      const auto watch = [&](LinearKind kind, const Matrix& g) { AddSquares(layer, kind, g); };
      FloatLayer dw = tune::ZerosLike(w);  // not used
      const std::vector<Matrix>& x = streams_[static_cast<size_t>(layer)];
      for (size_t i = 0; i < dy.size(); ++i) {
        tune::BlockTape tape;
        block.Forward(x[i], w, &tape, pool_);
        dy[i] = block.Backward(dy[i], w, tape, dw, pool_, watch);
      }
      streams_.pop_back();  // what stands behind this block
    }
    return {};
  }

  // Of the last block's output, of every kept sample.
  Result<std::vector<Matrix>> HeadGradients() const {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> norm, task_.checkpoint.ReadFinalNorm());
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> head, task_.checkpoint.ReadLmHead());
    std::vector<Matrix> dy;
    for (size_t i = 0; i < streams_.back().size(); ++i) {
      dy.push_back(tune::SampledStreamScore({streams_.back()[i], norm, head, config_.rms_norm_eps},
                                            i, pool_));
    }
    return dy;
  }

  // g: [sample_tokens, rows], of one sample
  void AddSquares(int64_t layer, LinearKind kind, const Matrix& g) {
    Measured& matrix = At(layer, kind);
    matrix.squares.resize(static_cast<size_t>(g.cols()), 0.0);
    matrix.squared_sums.resize(static_cast<size_t>(g.cols()), 0.0);
    pool_.ParallelFor(g.cols(), [&](int64_t begin, int64_t end, int) {
      std::vector<double> sums(static_cast<size_t>(end - begin), 0.0);
      for (int64_t t = 0; t < g.rows(); ++t) {
        for (int64_t r = begin; r < end; ++r) {
          const auto value = static_cast<double>(g(t, r));
          matrix.squares[static_cast<size_t>(r)] += value * value;
          sums[static_cast<size_t>(r - begin)] += value;
        }
      }
      for (int64_t r = begin; r < end; ++r) {
        const double sum = sums[static_cast<size_t>(r - begin)];
        matrix.squared_sums[static_cast<size_t>(r)] += sum * sum;
      }
    });
  }

  Status AddLosses(int64_t layer, LinearKind kind, MatrixLosses& losses) {
    const Measured& matrix = At(layer, kind);
    if (matrix.errors.empty()) return {};
    const std::string name = LayerTensorName(layer, kind);
    std::vector<double>& list = losses[name];
    for (const RowErrors& errors : matrix.errors) {
      double sum = 0;
      for (size_t r = 0; r < matrix.squares.size(); ++r) {
        sum += matrix.squares[r] * errors.varying[r] + matrix.squared_sums[r] * errors.steady[r];
      }
      list.push_back(sum / 2 / static_cast<double>(n_gradient_tokens_));
      if (!std::isfinite(list.back())) {
        return Fail(ErrorCode::kNumeric, fmt::format("{}: the measured loss is not finite", name),
                    "check that the checkpoint's weights are sound");
      }
    }
    return {};
  }

  const SensitivityTask& task_;
  const ModelConfig& config_;
  ThreadPool& pool_;
  int64_t n_kept_ = 0;  // samples of the backward pass
  int64_t n_gradient_tokens_ = 0;
  // [n_layers + 1][n_kept]: the streams before every block and behind the last, each
  // [sample_tokens, hidden].
  std::vector<std::vector<Matrix>> streams_;
  std::vector<std::array<Measured, kLinearKinds.size()>> measured_;  // [n_layers]
};

}  // namespace

Result<MatrixLosses> MeasureSensitivity(const SensitivityTask& task, ThreadPool& pool) {
  return SensitivityPass(task, pool).Run();
}

}  // namespace accllm
