#include "compress/tune_blocks.h"

#include <algorithm>

namespace accllm {
namespace {

// Samples that run through a tuned block at a time.
constexpr int64_t kSamplesAtOnce = 8;

// As the engine computes.
constexpr reference::SimulatedPrecision kPrecision = {.a8 = true, .kv4 = true};

constexpr tune::LearningRates kBlockRates = {
    .levels = 3.5e-2F, .tables = 5e-3F, .scales = 2e-3F, .norms = 1e-3F};

std::vector<reference::Matrix> Outputs(const ModelConfig& config, const FloatLayer& w,
                                       const std::vector<reference::Matrix>& inputs,
                                       ThreadPool& pool) {
  const int64_t n_tokens = inputs.front().rows();
  const tune::Block block(config, n_tokens, kPrecision);
  std::vector<reference::Matrix> outputs;
  for (int64_t first = 0; first < std::ssize(inputs); first += kSamplesAtOnce) {
    const int64_t n = std::min(kSamplesAtOnce, std::ssize(inputs) - first);
    reference::Matrix x(n * n_tokens, config.hidden_size);
    for (int64_t i = 0; i < n; ++i) {
      x.middleRows(i * n_tokens, n_tokens) = inputs[static_cast<size_t>(first + i)];
    }
    const reference::Matrix y = block.Forward(x, w, nullptr, pool);
    for (int64_t i = 0; i < n; ++i) {
      outputs.emplace_back(y.middleRows(i * n_tokens, n_tokens));
    }
  }
  return outputs;
}

}  // namespace

tune::TuneOptions MakeTuneOptions(const TuneSettings& settings, int64_t sequence_tokens,
                                  const tune::LearningRates& rates) {
  return {rates, settings.n_steps, std::max<int64_t>(1, settings.batch_tokens / sequence_tokens),
          kPrecision, settings.metric};
}

tune::TrainableBlock MakeTrainable(const CompressedLayer& layer, tune::Trained trained,
                                   ThreadPool& pool) {
  tune::TrainableBlock::Matrices matrices;
  for (size_t i = 0; i < matrices.size(); ++i) {
    if (!layer.matrices[i]) continue;
    matrices[i].emplace(*layer.matrices[i], layer.reports[i].is_mask_kept, trained);
  }
  tune::TrainableBlock::LowRanks low_ranks;
  for (size_t i = 0; i < low_ranks.size(); ++i) {
    if (layer.low_ranks[i]) low_ranks[i].emplace(*layer.low_ranks[i]);
  }
  return {layer.values, std::move(matrices), std::move(low_ranks), pool};
}

void TakeTrained(const tune::TrainableBlock& block, CompressedLayer& layer) {
  layer.values = block.weights();
  for (const LinearKind kind : kLinearKinds) {
    const QuantizedMatrix* matrix = block.quantized(kind);
    if (matrix != nullptr) layer.matrices[static_cast<size_t>(kind)] = *matrix;
    layer.low_ranks[static_cast<size_t>(kind)] = block.low_rank(kind);
  }
}

Result<TuneReport> TuneBlocks(const ModelConfig& config, const TuneSettings& settings,
                              std::vector<reference::Matrix> inputs, Calibration& calibration,
                              std::span<CompressedLayer> layers, const std::string& state_path,
                              ThreadPool& pool, const StepCallback& after_step) {
  std::vector<tune::TrainableBlock> blocks;
  for (const CompressedLayer& layer : layers) {
    blocks.push_back(MakeTrainable(layer, tune::Trained::kAll, pool));
  }
  tune::BlockSamples samples;
  for (const reference::Matrix& input : inputs) samples.inputs.push_back(&input);
  samples.targets = calibration.FloatStreams();
  const tune::TuneOptions options = MakeTuneOptions(settings, inputs.front().rows(), kBlockRates);
  tune::BlockTuner tuner(config, samples, options, blocks, pool);
  ACCLLM_RETURN_IF_ERROR(Descend(
      {options.n_steps, state_path, "tuning a block"}, tuner, [&] { return tuner.Step(); },
      after_step));
  for (size_t i = 0; i < layers.size(); ++i) {
    TakeTrained(blocks[i], layers[i]);
    inputs = Outputs(config, layers[i].values, inputs, pool);
  }
  calibration.ReplaceCompressedStreams(std::move(inputs));
  return ReportOf(tuner.losses());
}

}  // namespace accllm
