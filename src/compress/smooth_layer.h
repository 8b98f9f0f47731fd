// Smoothing of one block, from its calibration maxima.
#pragma once

#include "base/float_layer.h"
#include "base/model_config.h"
#include "compress/calibration.h"
#include "compress/smoothing.h"

namespace accllm {

// Folds activation smoothing (inputs of q/k/v, o, gate/up and down) and key smoothing into `layer`,
// whose function stays the same.
void SmoothLayer(const ModelConfig& config, const LayerMaxima& maxima,
                 const SmoothingOptions& options, FloatLayer& layer);

}  // namespace accllm
