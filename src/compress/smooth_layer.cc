#include "compress/smooth_layer.h"

namespace accllm {
namespace {

// Largest magnitude of each column over several matrices with the same width.
std::vector<float> ColumnMaxima(size_t cols,
                                std::initializer_list<const std::vector<float>*> weights) {
  std::vector<float> maxima(cols, 0.0F);
  for (const std::vector<float>* w : weights) UpdateColumnMaxima(*w, maxima);
  return maxima;
}

}  // namespace

void SmoothLayer(const ModelConfig& config, const LayerMaxima& maxima,
                 const SmoothingOptions& options, FloatLayer& layer) {
  const auto hidden = static_cast<size_t>(config.hidden_size);
  FoldIntoNorm(SmoothingFactors(maxima.attention_input,
                                ColumnMaxima(hidden, {&layer.linear(LinearKind::kQ),
                                                      &layer.linear(LinearKind::kK),
                                                      &layer.linear(LinearKind::kV)}),
                                options),
               layer.vector(VectorKind::kInputLayernorm),
               {&layer.linear(LinearKind::kQ), &layer.linear(LinearKind::kK),
                &layer.linear(LinearKind::kV)});
  const auto q_size = static_cast<size_t>(config.q_size());
  FoldIntoValues(
      config,
      SmoothingFactors(
          MaximaPerKvHead(config, maxima.attention_output),
          MaximaPerKvHead(config, ColumnMaxima(q_size, {&layer.linear(LinearKind::kO)})), options),
      layer);
  FoldIntoNorm(SmoothingFactors(maxima.mlp_input,
                                ColumnMaxima(hidden, {&layer.linear(LinearKind::kGate),
                                                      &layer.linear(LinearKind::kUp)}),
                                options),
               layer.vector(VectorKind::kPostAttentionLayernorm),
               {&layer.linear(LinearKind::kGate), &layer.linear(LinearKind::kUp)});
  const auto intermediate = static_cast<size_t>(config.intermediate_size);
  FoldIntoUp(
      SmoothingFactors(maxima.mlp_hidden,
                       ColumnMaxima(intermediate, {&layer.linear(LinearKind::kDown)}), options),
      layer);
}

}  // namespace accllm
