#include "compress/layer_compressor.h"

#include <cmath>
#include <cstring>
#include <optional>

#include "base/fp16.h"
#include "base/process_info.h"
#include "compress/choose_codes.h"
#include "compress/corrected_target.h"
#include "compress/fit_low_rank.h"
#include "compress/obs_quantizer.h"
#include "compress/patterns.h"
#include "compress/smooth_layer.h"
#include "linalg/linalg.h"
#include "packed/quantized_matrix.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

using format::TensorType;

std::vector<uint8_t> FloatBytes(const std::vector<float>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

Result<std::vector<uint8_t>> PackHalves(const std::vector<float>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(uint16_t));
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = FloatToHalf(values[i]);
    if (!std::isfinite(HalfToFloat(half))) {
      return Fail(ErrorCode::kNumeric, fmt::format("weight {} = {} does not fit f16", i, values[i]),
                  "keep this tensor as w8");
    }
    std::memcpy(bytes.data() + 2 * i, &half, sizeof(half));
  }
  return bytes;
}

// Relative squared error of the weights themselves, where there is no second moment to weigh it.
double PlainRelativeError(const WeightMatrix& matrix, const std::vector<float>& values) {
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double w = matrix.weights[i];
    error += (w - values[i]) * (w - values[i]);
    norm += w * w;
  }
  return norm == 0 ? 0.0 : error / norm;
}

// Compresses the linear layers of `result.values`, and replaces their weights there by what the
// packed form stands for.
class LinearCompressor {
 public:
  LinearCompressor(const LayerTask& task, ThreadPool& pool, CompressedLayer& result)
      : task_(task), pool_(pool), result_(result) {}

  // A stage of a block: layers that share their input, and so its moments.
  Status RunStage(std::initializer_list<LinearKind> kinds, StageMoments moments) {
    const LinearShape shape = ShapeOfLinear(task_.config, *kinds.begin());
    const std::string first = LayerTensorName(task_.layer, *kinds.begin());
    InputStatistics inputs = {moments.second.Release(), {}};
    ACCLLM_ASSIGN_OR_RETURN(
        inputs.inverse,
        InverseCholeskyUpper(inputs.h, shape.cols, DampingOf(task_.recipe), first, pool_));
    for (const LinearKind kind : kinds) {
      ACCLLM_RETURN_IF_ERROR(CompressOne(kind, &moments, &inputs));
    }
    return {};
  }

  // Without calibration both pointers are null.
  Status CompressOne(LinearKind kind, const StageMoments* moments, const InputStatistics* inputs) {
    const std::string name = LayerTensorName(task_.layer, kind);
    ACCLLM_RETURN_IF_ERROR(task_.Announce(name));
    const double start = MonotonicSeconds();
    const TensorType type = task_.type_of(name);
    LinearReport report = {name, std::string(TensorTypeLabel(type)), 0, false, 0};
    if (type == TensorType::kF16) {
      ACCLLM_ASSIGN_OR_RETURN(const std::vector<uint8_t> halves,
                              PackHalves(result_.values.linear(kind)));
      result_.values.linear(kind) = FromHalves(halves);
    } else {
      ACCLLM_RETURN_IF_ERROR(Quantize(kind, moments, inputs, report));
    }
    report.seconds = MonotonicSeconds() - start;
    result_.reports.push_back(std::move(report));
    return {};
  }

 private:
  Status Quantize(LinearKind kind, const StageMoments* moments, const InputStatistics* inputs,
                  LinearReport& report) {
    std::vector<float>& weights = result_.values.linear(kind);
    const LinearShape shape = ShapeOfLinear(task_.config, kind);
    const TensorType type = task_.type_of(report.name);
    std::optional<PatternSet> kept;
    if (type == TensorType::kW2S24) kept = KeptPatterns(weights, shape.rows, shape.cols);
    report.is_mask_kept = kept.has_value();
    std::vector<float> corrected;
    if (task_.recipe.is_own) {
      ACCLLM_ASSIGN_OR_RETURN(corrected, CorrectedWeights(kind, report.name, *moments, *inputs));
    }
    const WeightMatrix matrix = {task_.recipe.is_own ? corrected : weights, shape.rows, shape.cols,
                                 report.name};
    ACCLLM_ASSIGN_OR_RETURN(
        CodesAndLowRank chosen,
        ChooseCodesAndLowRank(task_.recipe, type, matrix, kept ? &*kept : nullptr, inputs,
                              task_.low_rank, pool_));
    std::vector<float> values = chosen.Values();
    if (inputs == nullptr) {
      report.relative_error = PlainRelativeError(matrix, values);
    } else {
      ACCLLM_ASSIGN_OR_RETURN(report.relative_error,
                              RelativeError(matrix, inputs->h, values, pool_));
    }
    weights = std::move(values);
    result_.matrices[static_cast<size_t>(kind)] = std::move(chosen.quantized);
    result_.low_ranks[static_cast<size_t>(kind)] = std::move(chosen.low_rank);
    return {};
  }

  // The weights to aim at: they map the compressed model's inputs to the float model's outputs.
  Result<std::vector<float>> CorrectedWeights(LinearKind kind, const std::string& name,
                                              const StageMoments& moments,
                                              const InputStatistics& inputs) {
    const std::vector<float>& weights = result_.values.linear(kind);
    const LinearShape shape = ShapeOfLinear(task_.config, kind);
    std::vector<float> deviation =
        Multiply(weights, moments.deviation.sum(), shape.rows, shape.cols, shape.cols, pool_);
    if (moments.residual) {
      const std::vector<float>& lost = moments.residual->sum();
      for (size_t i = 0; i < deviation.size(); ++i) deviation[i] += lost[i];
    }
    return CorrectedTarget({weights, shape.rows, shape.cols, name}, deviation, inputs.inverse,
                           pool_);
  }

  const LayerTask& task_;
  ThreadPool& pool_;
  CompressedLayer& result_;
};

}  // namespace

Status LayerTask::Announce(const std::string& name) const {
  if (before_tensor(name)) return {};
  return Fail(ErrorCode::kInterrupted, fmt::format("stopped before {}", name),
              "go on with --resume");
}

std::vector<float> FromHalves(std::span<const uint8_t> bytes) {
  std::vector<float> values(bytes.size() / 2);
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, bytes.data() + 2 * i, sizeof(half));
    values[i] = HalfToFloat(half);
  }
  return values;
}

Result<std::vector<uint8_t>> PackNearest(TensorType type, int64_t rows, int64_t cols,
                                         const std::vector<float>& weights) {
  if (type == TensorType::kF16) return PackHalves(weights);
  ACCLLM_ASSIGN_OR_RETURN(const QuantizedMatrix matrix, QuantizeDense(type, rows, cols, weights));
  return PackMatrix(matrix);
}

Result<std::vector<PackedBytes>> PackLayer(const CompressedLayer& layer, int64_t index) {
  std::vector<PackedBytes> tensors;
  for (const VectorKind kind : kVectorKinds) {
    const std::vector<float>& vector = layer.values.vector(kind);
    if (!vector.empty()) tensors.push_back({LayerTensorName(index, kind), FloatBytes(vector)});
  }
  for (const LinearKind kind : kLinearKinds) {
    const auto& matrix = layer.matrices[static_cast<size_t>(kind)];
    ACCLLM_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes,
                            matrix ? PackMatrix(*matrix) : PackHalves(layer.values.linear(kind)));
    const std::string name = LayerTensorName(index, kind);
    tensors.push_back({name, std::move(bytes)});
    const auto& low_rank = layer.low_ranks[static_cast<size_t>(kind)];
    if (!low_rank) continue;
    ACCLLM_ASSIGN_OR_RETURN(std::vector<uint8_t> a, PackInt8(low_rank->a));
    ACCLLM_ASSIGN_OR_RETURN(std::vector<uint8_t> b, PackInt8(low_rank->b));
    tensors.push_back({LowRankNameA(name), std::move(a)});
    tensors.push_back({LowRankNameB(name), std::move(b)});
  }
  return tensors;
}

Result<CompressedLayer> CompressLayerNearest(const LayerTask& task, FloatLayer w,
                                             ThreadPool& pool) {
  CompressedLayer result = {std::move(w), {}, {}, {}};
  LinearCompressor linear(task, pool, result);
  for (const LinearKind kind : kLinearKinds) {
    ACCLLM_RETURN_IF_ERROR(linear.CompressOne(kind, nullptr, nullptr));
  }
  return result;
}

Result<CompressedLayer> CompressLayerCalibrated(const LayerTask& task, FloatLayer w,
                                                Calibration& calibration, ThreadPool& pool) {
  if (task.recipe.is_own) SmoothLayer(task.config, calibration.Maxima(w), {}, w);
  CompressedLayer result = {w, {}, {}, {}};
  const FloatLayer& original = w;
  const FloatLayer& values = result.values;
  LinearCompressor linear(task, pool, result);
  ACCLLM_RETURN_IF_ERROR(linear.RunStage({LinearKind::kQ, LinearKind::kK, LinearKind::kV},
                                         calibration.AttentionInput(original, values)));
  ACCLLM_RETURN_IF_ERROR(
      linear.RunStage({LinearKind::kO}, calibration.AttentionOutput(original, values)));
  calibration.ApplyAttention(original, values);
  ACCLLM_RETURN_IF_ERROR(linear.RunStage({LinearKind::kGate, LinearKind::kUp},
                                         calibration.MlpInput(original, values)));
  ACCLLM_RETURN_IF_ERROR(
      linear.RunStage({LinearKind::kDown}, calibration.MlpHidden(original, values)));
  calibration.ApplyMlp(original, values);
  return result;
}

}  // namespace accllm
