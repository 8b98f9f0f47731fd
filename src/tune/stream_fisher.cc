#include "tune/stream_fisher.h"

#include <algorithm>

#include "linalg/linalg.h"
#include "tune/block.h"
#include "tune/loss.h"

namespace accllm::tune {
namespace {

// Streams of all blocks are held.
constexpr int64_t kStreamBytes = int64_t{1} << 30;
// More tokens make the estimate hardly better.
constexpr int64_t kMaxTokens = 16384;

Sequences Chosen(const ModelConfig& config, const Sequences& sequences) {
  const int64_t token_bytes = config.hidden_size * (config.n_layers + 1) * int64_t{sizeof(float)};
  const int64_t n_tokens = std::min(kMaxTokens, kStreamBytes / token_bytes);
  const int64_t n =
      std::clamp<int64_t>(n_tokens / std::ssize(sequences.front()), 1, std::ssize(sequences));
  // Evenly spaced: texts change along the way.
  Sequences chosen;
  for (int64_t i = 0; i < n; ++i) {
    chosen.push_back(sequences[static_cast<size_t>(i * std::ssize(sequences) / n)]);
  }
  return chosen;
}

std::vector<float> MeanOuterProduct(const Matrix& g) {
  const int64_t n = g.rows();
  const int64_t hidden = g.cols();
  Matrix mean = Matrix::Zero(hidden, hidden);
  mean.selfadjointView<Eigen::Lower>().rankUpdate(g.transpose(), 1.0F / static_cast<float>(n));
  mean = Matrix(mean.selfadjointView<Eigen::Lower>());
  const Eigen::VectorXf diagonal = mean.diagonal();
  mean *= static_cast<float>(n) / static_cast<float>(n + hidden);
  mean.diagonal() = diagonal;
  return {mean.data(), mean.data() + mean.size()};
}

}  // namespace

Result<std::vector<std::vector<float>>> StreamFisher(reference::FloatWeights& model,
                                                     const Sequences& sequences, ThreadPool& pool) {
  const ModelConfig& config = model.config();
  const Sequences chosen = Chosen(config, sequences);
  const Block block(config, std::ssize(chosen.front()), {});
  std::vector<Matrix> streams = {Embed(model.embedding(), chosen, config.hidden_size)};
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    ACCLLM_ASSIGN_OR_RETURN(const auto w, model.Layer(layer));
    streams.push_back(block.Forward(streams.back(), *w, nullptr, pool));
  }
  const Matrix x = RmsNorm(streams.back(), model.final_norm(), config.rms_norm_eps, pool);
  std::vector<float> dnorm(model.final_norm().size());
  Matrix g = RmsNormBackward(SampledGradients({x, model.lm_head()}, pool), streams.back(),
                             model.final_norm(), config.rms_norm_eps, dnorm, pool);
  std::vector<std::vector<float>> fisher(streams.size() - 1);
  for (int64_t layer = config.n_layers; layer-- > 0;) {
    fisher[static_cast<size_t>(layer)] = MeanOuterProduct(g);
    if (layer == 0) break;
    ACCLLM_ASSIGN_OR_RETURN(const auto w, model.Layer(layer));
    BlockTape tape;
    block.Forward(streams[static_cast<size_t>(layer)], *w, &tape, pool);
    FloatLayer dw = ZerosLike(*w);
    g = block.Backward(g, *w, tape, dw, pool);
    streams.pop_back();
  }
  return fisher;
}

}  // namespace accllm::tune
