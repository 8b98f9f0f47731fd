// Compresses one transformer block.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "compress/calibration.h"
#include "compress/compress.h"
#include "spec/packed_format.h"

namespace accllm {

// A tensor ready to be written, and what is to be said about it.
struct CompressedTensor {
  std::string name;
  std::vector<uint8_t> bytes;
};

struct CompressedLayer {
  std::vector<CompressedTensor> tensors;
  std::vector<LinearReport> reports;
};

// What the layer compressor needs to know of the plan.
struct LayerTask {
  const ModelConfig& config;
  const Recipe& recipe;
  int64_t layer = 0;
  std::function<format::TensorType(std::string_view name)> type_of;
  // Called before each tensor; false stops with kInterrupted.
  std::function<bool(const std::string& name)> before_tensor;

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

// The bytes of a matrix that is rounded to nearest: f16 or a dense type. weights: [rows, cols].
Result<std::vector<uint8_t>> PackNearest(format::TensorType type, int64_t rows, int64_t cols,
                                         const std::vector<float>& weights);

}  // namespace accllm
