#include "tune/trainer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/index.h"
#include "base/split_mix64.h"
#include "tune/block_tuner.h"
#include "tune/loss.h"
#include "tune/state_file.h"

namespace accllm::tune {
namespace {

constexpr double kDeviation = 0.02;
constexpr double kMaxGradientNorm = 1.0;

// Normal numbers from uniform ones (Box and Muller).
class Normal {
 public:
  explicit Normal(uint64_t seed) : state_(seed) {}

  std::vector<float> Take(int64_t n, double deviation) {
    std::vector<float> values(Index(n));
    for (float& value : values) {
      const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
      const double angle = 2.0 * std::numbers::pi * Uniform();
      value = static_cast<float>(deviation * radius * std::cos(angle));
    }
    return values;
  }

 private:
  double Uniform() { return static_cast<double>(SplitMix64(state_) >> 11) * 0x1p-53; }

  uint64_t state_;
};

bool IsBias(VectorKind kind) {
  return std::any_of(kLinearKinds.begin(), kLinearKinds.end(),
                     [&](LinearKind linear) { return BiasOf(linear) == kind; });
}

// The id that follows each token within its sequence.
std::vector<int32_t> NextTokens(const Sequences& sequences) {
  std::vector<int32_t> next;
  for (const auto sequence : sequences) {
    next.insert(next.end(), sequence.begin() + 1, sequence.end());
    next.push_back(kNoTarget);
  }
  return next;
}

FloatParameters ZeroParameters(const FloatParameters& model) {
  FloatParameters zeros;
  zeros.embedding.resize(model.embedding.size());
  zeros.lm_head.resize(model.lm_head.size());
  zeros.final_norm.resize(model.final_norm.size());
  for (const FloatLayer& layer : model.layers) zeros.layers.push_back(ZerosLike(layer));
  return zeros;
}

}  // namespace

std::vector<std::vector<float>*> FloatParameters::matrices() {
  std::vector<std::vector<float>*> all = {&embedding};
  if (!lm_head.empty()) all.push_back(&lm_head);
  for (FloatLayer& layer : layers) {
    for (std::vector<float>& matrix : layer.weights) all.push_back(&matrix);
  }
  return all;
}

std::vector<std::vector<float>*> FloatParameters::arrays() {
  std::vector<std::vector<float>*> all = matrices();
  all.push_back(&final_norm);
  for (FloatLayer& layer : layers) {
    for (std::vector<float>& vector : layer.vectors.values) {
      if (!vector.empty()) all.push_back(&vector);
    }
  }
  return all;
}

FloatParameters RandomParameters(const ModelConfig& config, uint64_t seed) {
  Normal normal(seed);
  FloatParameters model;
  model.embedding = normal.Take(config.vocab_size * config.hidden_size, kDeviation);
  if (!config.tie_word_embeddings) {
    model.lm_head = normal.Take(config.vocab_size * config.hidden_size, kDeviation);
  }
  model.final_norm.assign(Index(config.hidden_size), 1.0F);
  const double into_stream =
      kDeviation / std::sqrt(2.0 * static_cast<double>(std::max<int64_t>(1, config.n_layers)));
  for (int64_t i = 0; i < config.n_layers; ++i) {
    FloatLayer& layer = model.layers.emplace_back();
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      const bool adds = kind == LinearKind::kO || kind == LinearKind::kDown;
      layer.linear(kind) = normal.Take(shape.rows * shape.cols, adds ? into_stream : kDeviation);
    }
    for (const VectorKind kind : kVectorKinds) {
      layer.vector(kind).assign(Index(SizeOfVector(config, kind)), IsBias(kind) ? 0.0F : 1.0F);
    }
  }
  return model;
}

Trainer::Trainer(const ModelConfig& config, FloatParameters& model, const TrainOptions& options,
                 ThreadPool& pool)
    : config_(config),
      model_(model),
      options_(options),
      pool_(pool),
      stack_(config, config.n_layers, options.sequence_tokens,
             options.batch_sequences * options.sequence_tokens, {}) {
  for (const std::vector<float>* array : model_.arrays()) adams_.emplace_back(array->size());
}

double Trainer::Gradients(const Sequences& sequences) {
  gradients_ = ZeroParameters(model_);
  const float eps = config_.rms_norm_eps;
  const auto weights = [&](size_t i) -> const FloatLayer& { return model_.layers[i]; };
  const Matrix& stream =
      stack_.Forward(Embed(model_.embedding, sequences, config_.hidden_size), weights, pool_);
  const Matrix x = RmsNorm(stream, model_.final_norm, eps, pool_);
  const bool is_tied = model_.lm_head.empty();
  const HeadLoss head =
      CrossEntropy({x, is_tied ? model_.embedding : model_.lm_head}, NextTokens(sequences),
                   is_tied ? gradients_.embedding : gradients_.lm_head, pool_);
  Matrix dx =
      RmsNormBackward(head.dx, stream, model_.final_norm, eps, gradients_.final_norm, pool_);
  dx = stack_.Backward(
      std::move(dx), weights, [&](size_t i, const FloatLayer& dw) { gradients_.layers[i] = dw; },
      pool_);
  EmbedBackward(dx, sequences, gradients_.embedding);
  return head.loss;
}

Result<double> Trainer::Step(const Sequences& sequences) {
  const double loss = Gradients(sequences);
  const auto arrays = model_.arrays();
  const size_t n_matrices = model_.matrices().size();
  const auto gradients = gradients_.arrays();
  double square = 0;
  for (const std::vector<float>* gradient : gradients) {
    for (const float g : *gradient) square += static_cast<double>(g) * static_cast<double>(g);
  }
  if (!std::isfinite(loss) || !std::isfinite(square)) {
    return Fail(ErrorCode::kNumeric,
                fmt::format("training gave a loss that is not finite at step {}", step_ + 1),
                "use a smaller learning rate");
  }
  const auto shrink =
      static_cast<float>(std::min(1.0, kMaxGradientNorm / std::max(std::sqrt(square), 1e-30)));
  ++step_;
  const float rate = options_.learning_rate * ScheduleShare(step_, options_.n_steps);
  for (size_t i = 0; i < gradients.size(); ++i) {
    std::vector<float>& values = *arrays[i];
    for (float& g : *gradients[i]) g *= shrink;
    if (i < n_matrices) {
      for (float& value : values) value -= rate * options_.weight_decay * value;
    }
    adams_[i].Step(*gradients[i], rate, step_, values, pool_);
  }
  return loss;
}

std::vector<std::vector<float>*> Trainer::State() {
  auto arrays = model_.arrays();
  for (Adam& adam : adams_) {
    arrays.push_back(&adam.mean());
    arrays.push_back(&adam.variance());
  }
  return arrays;
}

Status Trainer::Save(const std::string& path) { return SaveState(path, step_, State()); }

Status Trainer::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(step_, LoadState(path, State()));
  return {};
}

}  // namespace accllm::tune
