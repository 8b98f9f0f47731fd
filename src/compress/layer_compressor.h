// Compresses one transformer block.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/calibration.h"
#include "compress/compress.h"
#include "packed/low_rank.h"
#include "packed/quantized_matrix.h"
#include "spec/packed_format.h"

namespace accllm {

// A compressed block.
struct CompressedLayer {
  FloatLayer values;  // what the packed block stands for
  // The quantised matrices, in the order of kLinearKinds; empty for those kept as f16.
  std::array<std::optional<QuantizedMatrix>, kLinearKinds.size()> matrices;
  // Their low-rank parts, where they have one.
  std::array<std::optional<LowRank>, kLinearKinds.size()> low_ranks;
  std::vector<LinearReport> reports;  // in the order of kLinearKinds
};

// A tensor ready to be written.
struct PackedBytes {
  std::string name;
  std::vector<uint8_t> bytes;
};

// All tensors of block `index`. Errors: kNumeric if a weight does not fit f16; those of PackMatrix.
Result<std::vector<PackedBytes>> PackLayer(const CompressedLayer& layer, int64_t index);

// What the layer compressor needs to know of the plan.
struct LayerTask {
  const ModelConfig& config;
  const Recipe& recipe;
  int64_t layer = 0;
  std::function<format::TensorType(std::string_view name)> type_of;
  // Called before each tensor; false stops with kInterrupted.
  std::function<bool(const std::string& name)> before_tensor;
  int64_t low_rank = 0;  // rank of each quantised matrix's low-rank part; 0: none

  // kInterrupted if `before_tensor` asks to stop.
  Status Announce(const std::string& name) const;
};

// Compresses the block `w` without looking at data, for recipes that do not calibrate.
Result<CompressedLayer> CompressLayerNearest(const LayerTask& task, FloatLayer w, ThreadPool& pool);

// Compresses the block's linear layers in the order they run, each on the inputs that what was
// compressed before produces; moves `calibration` on to the next block. The project's own recipe
// smooths the block first and aims at corrected weights, the others at the layer's own.
Result<CompressedLayer> CompressLayerCalibrated(const LayerTask& task, FloatLayer w,
                                                Calibration& calibration, ThreadPool& pool);

// The values of a tensor that is kept as f16.
std::vector<float> FromHalves(std::span<const uint8_t> bytes);

// The bytes of a matrix that is rounded to nearest: f16 or a dense type. weights: [rows, cols].
Result<std::vector<uint8_t>> PackNearest(format::TensorType type, int64_t rows, int64_t cols,
                                         const std::vector<float>& weights);

}  // namespace accllm
