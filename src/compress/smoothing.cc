#include "compress/smoothing.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace accllm {
namespace {

// Scales the positive values to geometric mean 1 and clamps them; the others become 1.
void NormaliseFactors(std::span<float> factors, float max_factor) {
  double log_sum = 0;
  int64_t n = 0;
  for (const float factor : factors) {
    if (!(factor > 0) || !std::isfinite(factor)) continue;
    log_sum += std::log(static_cast<double>(factor));
    ++n;
  }
  const float mean = n > 0 ? static_cast<float>(std::exp(log_sum / static_cast<double>(n))) : 1.0F;
  for (float& factor : factors) {
    const bool live = factor > 0 && std::isfinite(factor);
    factor = live ? std::clamp(factor / mean, 1.0F / max_factor, max_factor) : 1.0F;
  }
}

void DivideRows(std::span<const float> factors, std::vector<float>& weights) {
  const size_t cols = weights.size() / factors.size();
  for (size_t row = 0; row < factors.size(); ++row) {
    for (size_t k = 0; k < cols; ++k) weights[row * cols + k] /= factors[row];
  }
}

void MultiplyColumns(std::span<const float> factors, std::vector<float>& weights) {
  assert(weights.size() % factors.size() == 0);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] *= factors[i % factors.size()];
}

// Channels of the query heads, each with the value of its KV head: [kv_size] -> [q_size].
std::vector<float> RepeatPerQueryHead(const ModelConfig& config, std::span<const float> values) {
  std::vector<float> repeated;
  for (int64_t head = 0; head < config.n_heads; ++head) {
    const int64_t kv_head = head / config.heads_per_kv_head();
    const auto part = values.subspan(static_cast<size_t>(kv_head * config.head_dim),
                                     static_cast<size_t>(config.head_dim));
    repeated.insert(repeated.end(), part.begin(), part.end());
  }
  return repeated;
}

}  // namespace

void UpdateColumnMaxima(std::span<const float> x, std::span<float> maxima) {
  assert(x.size() % maxima.size() == 0);
  for (size_t first = 0; first < x.size(); first += maxima.size()) {
    for (size_t j = 0; j < maxima.size(); ++j) {
      maxima[j] = std::max(maxima[j], std::abs(x[first + j]));
    }
  }
}

std::vector<float> SmoothingFactors(std::span<const float> activation_max,
                                    std::span<const float> weight_max,
                                    const SmoothingOptions& options) {
  assert(activation_max.size() == weight_max.size());
  std::vector<float> factors(activation_max.size(), 0.0F);
  for (size_t j = 0; j < factors.size(); ++j) {
    if (!(activation_max[j] > 0) || !(weight_max[j] > 0)) continue;
    factors[j] =
        std::pow(activation_max[j], options.alpha) / std::pow(weight_max[j], 1.0F - options.alpha);
  }
  NormaliseFactors(factors, options.max_factor);
  return factors;
}

std::vector<float> MaximaPerKvHead(const ModelConfig& config, std::span<const float> maxima) {
  assert(std::ssize(maxima) == config.q_size());
  std::vector<float> merged(static_cast<size_t>(config.kv_size()), 0.0F);
  for (int64_t i = 0; i < config.q_size(); ++i) {
    const int64_t kv_head = i / config.head_dim / config.heads_per_kv_head();
    float& value = merged[static_cast<size_t>(kv_head * config.head_dim + i % config.head_dim)];
    value = std::max(value, maxima[static_cast<size_t>(i)]);
  }
  return merged;
}

void FoldIntoNorm(std::span<const float> factors, std::vector<float>& norm,
                  std::initializer_list<std::vector<float>*> consumers) {
  DivideRows(factors, norm);
  for (std::vector<float>* weights : consumers) MultiplyColumns(factors, *weights);
}

void FoldIntoValues(const ModelConfig& config, std::span<const float> factors, FloatLayer& layer) {
  DivideRows(factors, layer.linear(LinearKind::kV));
  DivideRows(factors, layer.bias(LinearKind::kV));
  MultiplyColumns(RepeatPerQueryHead(config, factors), layer.linear(LinearKind::kO));
}

void FoldIntoUp(std::span<const float> factors, FloatLayer& layer) {
  DivideRows(factors, layer.linear(LinearKind::kUp));
  DivideRows(factors, layer.bias(LinearKind::kUp));
  MultiplyColumns(factors, layer.linear(LinearKind::kDown));
}

}  // namespace accllm
