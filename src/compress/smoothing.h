// Rescaling of channels that leaves a float layer's function as it is: activations get
// evener ranges for their integer grids, and the weights on either side of a channel make up for
// it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/float_layer.h"
#include "base/model_config.h"

namespace accllm {

struct SmoothingOptions {
  float alpha = 0.5F;       // 0: weights get even columns; 1: activations get even channels
  float max_factor = 8.0F;  // factors stay within [1 / max_factor, max_factor]
};

// Largest magnitude of each column of x[., cols], kept across calls: maxima[cols] only grows.
void UpdateColumnMaxima(std::span<const float> x, std::span<float> maxima);

// s_j = activation_max_j^alpha / weight_max_j^(1 - alpha), scaled to geometric mean 1, then
// clamped. Channels where either maximum is 0 get factor 1. Both inputs: [n_channels].
std::vector<float> SmoothingFactors(std::span<const float> activation_max,
                                    std::span<const float> weight_max,
                                    const SmoothingOptions& options);

// The largest of the query heads' channels that share a KV head's channel: [q_size] -> [kv_size].
std::vector<float> MaximaPerKvHead(const ModelConfig& config, std::span<const float> maxima);

// Divides the norm's outputs by factors[hidden] and multiplies the columns of its consumers, each
// [., hidden].
void FoldIntoNorm(std::span<const float> factors, std::vector<float>& norm,
                  std::initializer_list<std::vector<float>*> consumers);

// Divides rows of v_proj and its bias by factors[kv_size]; o_proj's columns of every query head of
// the KV head make up for it.
void FoldIntoValues(const ModelConfig& config, std::span<const float> factors, FloatLayer& layer);

// Divides rows of up_proj and its bias by factors[intermediate] and multiplies columns of
// down_proj.
void FoldIntoUp(std::span<const float> factors, FloatLayer& layer);

}  // namespace accllm
