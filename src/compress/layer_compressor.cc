#include "compress/layer_compressor.h"

#include <cmath>
#include <cstring>

#include "base/fp16.h"
#include "base/process_info.h"
#include "compress/corrected_target.h"
#include "compress/linalg.h"
#include "compress/obs_quantizer.h"
#include "compress/smooth_layer.h"
#include "packed/quantized_matrix.h"
#include "packed/tensor_layout.h"

namespace accllm {
namespace {

using format::TensorType;

// Share of the mean of H's diagonal that is added to its diagonal before it is inverted. Higher
// than the 0.01 of GPTQ: it also holds the corrected weights near the original ones.
constexpr double kDamping = 0.05;
// Sweeps of coordinate descent after the single pass; more gain little.
constexpr int kRefineSweeps = 3;

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

std::vector<float> FromHalves(const std::vector<uint8_t>& bytes) {
  std::vector<float> values(bytes.size() / 2);
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, bytes.data() + 2 * i, sizeof(half));
    values[i] = HalfToFloat(half);
  }
  return values;
}

// A stage of a block: linear layers that share their input, and so its second moment.
class Stage {
 public:
  Stage(const LayerTask& task, FloatLayer& w, ThreadPool& pool, CompressedLayer& result)
      : task_(task), w_(w), pool_(pool), result_(result) {}

  // Compresses each layer of `kinds`, which share their input, and replaces the weights in the
  // block by what their packed form stands for.
  Status Run(std::initializer_list<LinearKind> kinds, StageMoments moments) {
    const LinearShape shape = ShapeOfLinear(task_.config, *kinds.begin());
    const std::string first = LayerTensorName(task_.layer, *kinds.begin());
    const std::vector<float> h = moments.second.Release();
    ACCLLM_ASSIGN_OR_RETURN(const InverseFactor inverse,
                            InverseCholeskyUpper(h, shape.cols, kDamping, first, pool_));
    for (const LinearKind kind : kinds) {
      ACCLLM_RETURN_IF_ERROR(CompressOne(kind, moments, h, inverse));
    }
    return {};
  }

 private:
  Status CompressOne(LinearKind kind, const StageMoments& moments, const std::vector<float>& h,
                     const InverseFactor& inverse) {
    const std::string name = LayerTensorName(task_.layer, kind);
    ACCLLM_RETURN_IF_ERROR(task_.Announce(name));
    const double start = MonotonicSeconds();
    const TensorType type = task_.type_of(name);
    std::vector<float>& weights = w_.linear(kind);
    LinearReport report = {name, std::string(TensorTypeLabel(type)), 0, 0};
    CompressedTensor tensor = {name, {}};
    if (type == TensorType::kF16) {
      ACCLLM_ASSIGN_OR_RETURN(tensor.bytes, PackHalves(weights));
      weights = FromHalves(tensor.bytes);
    } else {
      ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> target,
                              Target(kind, name, moments, inverse));
      const LinearShape shape = ShapeOfLinear(task_.config, kind);
      const WeightMatrix matrix = {target, shape.rows, shape.cols, name};
      ACCLLM_ASSIGN_OR_RETURN(const QuantizedMatrix quantized, Choose(type, matrix, h, inverse));
      ACCLLM_ASSIGN_OR_RETURN(report.relative_error, RelativeError(matrix, h, quantized, pool_));
      ACCLLM_ASSIGN_OR_RETURN(tensor.bytes, PackMatrix(quantized));
      weights = Dequantize(quantized);
    }
    report.seconds = MonotonicSeconds() - start;
    result_.tensors.push_back(std::move(tensor));
    result_.reports.push_back(std::move(report));
    return {};
  }

  // The weights to aim at: they map the compressed model's inputs to the float model's outputs.
  Result<std::vector<float>> Target(LinearKind kind, const std::string& name,
                                    const StageMoments& moments, const InverseFactor& inverse) {
    const std::vector<float>& weights = w_.linear(kind);
    const LinearShape shape = ShapeOfLinear(task_.config, kind);
    std::vector<float> deviation =
        Multiply(weights, moments.deviation.sum(), shape.rows, shape.cols, shape.cols, pool_);
    if (moments.residual) {
      const std::vector<float>& lost = moments.residual->sum();
      for (size_t i = 0; i < deviation.size(); ++i) deviation[i] += lost[i];
    }
    return CorrectedTarget({weights, shape.rows, shape.cols, name}, deviation, inverse, pool_);
  }

  Result<QuantizedMatrix> Choose(TensorType type, const WeightMatrix& matrix,
                                 const std::vector<float>& h, const InverseFactor& inverse) {
    if (type != TensorType::kW2S24) return QuantizeObsDense(type, matrix, inverse, pool_);
    ACCLLM_ASSIGN_OR_RETURN(QuantizedMatrix quantized, QuantizeJoint24(matrix, inverse, pool_));
    ACCLLM_RETURN_IF_ERROR(Refine24(matrix, h, inverse.damping, kRefineSweeps, quantized, pool_));
    return quantized;
  }

  const LayerTask& task_;
  FloatLayer& w_;
  ThreadPool& pool_;
  CompressedLayer& result_;
};

// Relative squared error of the weights themselves, where there is no second moment to weigh it.
double PlainRelativeError(const WeightMatrix& matrix, const QuantizedMatrix& quantized) {
  const std::vector<float> values = Dequantize(quantized);
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double w = matrix.weights[i];
    error += (w - values[i]) * (w - values[i]);
    norm += w * w;
  }
  return norm == 0 ? 0.0 : error / norm;
}

void AddVectors(const LayerTask& task, const FloatLayer& w, CompressedLayer& result) {
  for (const VectorKind kind : kVectorKinds) {
    if (w.vector(kind).empty()) continue;
    result.tensors.push_back({LayerTensorName(task.layer, kind), FloatBytes(w.vector(kind))});
  }
}

}  // namespace

Status LayerTask::Announce(const std::string& name) const {
  if (before_tensor(name)) return {};
  return Fail(ErrorCode::kInterrupted, fmt::format("stopped before {}", name),
              "go on with --resume");
}

Result<std::vector<uint8_t>> PackNearest(TensorType type, int64_t rows, int64_t cols,
                                         const std::vector<float>& weights) {
  if (type == TensorType::kF16) return PackHalves(weights);
  ACCLLM_ASSIGN_OR_RETURN(const QuantizedMatrix matrix, QuantizeDense(type, rows, cols, weights));
  return PackMatrix(matrix);
}

Result<CompressedLayer> CompressLayerNearest(const LayerTask& task, const FloatLayer& w,
                                             ThreadPool& pool) {
  CompressedLayer result;
  AddVectors(task, w, result);
  for (const LinearKind kind : kLinearKinds) {
    const std::string name = LayerTensorName(task.layer, kind);
    ACCLLM_RETURN_IF_ERROR(task.Announce(name));
    const double start = MonotonicSeconds();
    const LinearShape shape = ShapeOfLinear(task.config, kind);
    const TensorType type = task.type_of(name);
    LinearReport report = {name, std::string(TensorTypeLabel(type)), 0, 0};
    CompressedTensor tensor = {name, {}};
    if (type == TensorType::kW2S24) {
      const WeightMatrix matrix = {w.linear(kind), shape.rows, shape.cols, name};
      ACCLLM_ASSIGN_OR_RETURN(const QuantizedMatrix quantized, QuantizeNearest24(matrix, pool));
      ACCLLM_ASSIGN_OR_RETURN(tensor.bytes, PackMatrix(quantized));
      report.relative_error = PlainRelativeError(matrix, quantized);
    } else {
      ACCLLM_ASSIGN_OR_RETURN(tensor.bytes,
                              PackNearest(type, shape.rows, shape.cols, w.linear(kind)));
    }
    report.seconds = MonotonicSeconds() - start;
    result.tensors.push_back(std::move(tensor));
    result.reports.push_back(std::move(report));
  }
  return result;
}

Result<CompressedLayer> CompressLayerJoint(const LayerTask& task, FloatLayer w,
                                           Calibration& calibration, ThreadPool& pool) {
  CompressedLayer result;
  SmoothLayer(task.config, calibration.Maxima(w), {}, w);
  AddVectors(task, w, result);
  const FloatLayer original = w;
  Stage stage(task, w, pool, result);
  ACCLLM_RETURN_IF_ERROR(stage.Run({LinearKind::kQ, LinearKind::kK, LinearKind::kV},
                                   calibration.AttentionInput(original, w)));
  ACCLLM_RETURN_IF_ERROR(stage.Run({LinearKind::kO}, calibration.AttentionOutput(original, w)));
  calibration.ApplyAttention(original, w);
  ACCLLM_RETURN_IF_ERROR(
      stage.Run({LinearKind::kGate, LinearKind::kUp}, calibration.MlpInput(original, w)));
  ACCLLM_RETURN_IF_ERROR(stage.Run({LinearKind::kDown}, calibration.MlpHidden(original, w)));
  calibration.ApplyMlp(original, w);
  return result;
}

}  // namespace accllm
