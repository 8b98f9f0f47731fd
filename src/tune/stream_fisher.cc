#include "tune/stream_fisher.h"

#include <algorithm>

#include "base/index.h"
#include "tune/block.h"
#include "tune/loss.h"

namespace accllm::tune {
namespace {

// Streams of all blocks are held.
constexpr int64_t kStreamBytes = int64_t{1} << 30;
// More tokens make the estimate hardly better.
constexpr int64_t kMaxTokens = 16384;
constexpr int64_t kDrawsPerDimension = 128;

// Where tokens are few, several draws for each.
int64_t DrawsOf(const ModelConfig& config, int64_t n_tokens) {
  const int64_t wanted = std::min(kMaxTokens, kDrawsPerDimension * config.hidden_size);
  return std::max<int64_t>(1, (wanted + n_tokens - 1) / n_tokens);
}

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

// Sums of g g^T, then their mean.
class OuterProducts {
 public:
  explicit OuterProducts(int64_t hidden) : sum_(Matrix::Zero(hidden, hidden)) {}

  void Add(const Matrix& g) {
    sum_.selfadjointView<Eigen::Lower>().rankUpdate(g.transpose());
    n_ += g.rows();
  }

  std::vector<float> ShrunkMean() const {
    Matrix mean = Matrix(sum_.selfadjointView<Eigen::Lower>()) / static_cast<float>(n_);
    const Eigen::VectorXf diagonal = mean.diagonal();
    mean *= static_cast<float>(n_) / static_cast<float>(n_ + mean.cols());
    mean.diagonal() = diagonal;
    return {mean.data(), mean.data() + mean.size()};
  }

 private:
  Matrix sum_;  // [hidden, hidden], lower triangle
  int64_t n_ = 0;
};

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
  std::vector<OuterProducts> products(Index(config.n_layers), OuterProducts(config.hidden_size));
  const ModelEnd end = {streams.back(), model.final_norm(), model.lm_head(), config.rms_norm_eps};
  std::vector<Matrix> g;  // of each draw
  for (int64_t draw = 0; draw < DrawsOf(config, streams.back().rows()); ++draw) {
    g.push_back(SampledStreamScore(end, static_cast<uint64_t>(draw), pool));
  }
  for (int64_t layer = config.n_layers; layer-- > 0;) {
    for (const Matrix& gradient : g) products[Index(layer)].Add(gradient);
    if (layer == 0) break;
    ACCLLM_ASSIGN_OR_RETURN(const auto w, model.Layer(layer));
    BlockTape tape;
    block.Forward(streams[Index(layer)], *w, &tape, pool);
    FloatLayer dw = ZerosLike(*w);  // not used
    for (Matrix& gradient : g) gradient = block.Backward(gradient, *w, tape, dw, pool);
    streams.pop_back();
  }
  std::vector<std::vector<float>> fisher;
  for (const OuterProducts& sum : products) fisher.push_back(sum.ShrunkMean());
  return fisher;
}

}  // namespace accllm::tune
