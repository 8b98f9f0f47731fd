#include "tune/block_tuner.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "base/split_mix64.h"
#include "tune/state_file.h"

namespace accllm::tune {
namespace {

Matrix Stack(const std::vector<const Matrix*>& sequences, const std::vector<int64_t>& chosen) {
  const int64_t n_tokens = sequences.front()->rows();
  Matrix stacked(std::ssize(chosen) * n_tokens, sequences.front()->cols());
  for (size_t i = 0; i < chosen.size(); ++i) {
    stacked.middleRows(static_cast<int64_t>(i) * n_tokens, n_tokens) =
        *sequences[static_cast<size_t>(chosen[i])];
  }
  return stacked;
}

Matrix Weighted(const Matrix& x, const std::vector<float>& metric, ThreadPool& pool) {
  return metric.empty() ? x : Linear(x, metric, {}, pool);
}

double InnerProduct(const Matrix& a, const Matrix& b) {
  return a.cast<double>().cwiseProduct(b.cast<double>()).sum();
}

std::vector<int64_t> OrderOfEpoch(int64_t epoch, int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  auto state = static_cast<uint64_t>(epoch);
  for (int64_t i = n - 1; i > 0; --i) {
    const auto j = static_cast<int64_t>(SplitMix64(state) % static_cast<uint64_t>(i + 1));
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(j)]);
  }
  return order;
}

}  // namespace

float ScheduleShare(int64_t step, int64_t n_steps) {
  const int64_t n_rise = std::max<int64_t>(1, n_steps / 20);
  if (step <= n_rise) return static_cast<float>(step) / static_cast<float>(n_rise);
  const double done =
      static_cast<double>(step - n_rise) / static_cast<double>(n_steps - n_rise + 1);
  return static_cast<float>(0.5 * (1.0 + std::cos(std::numbers::pi * done)));
}

LearningRates RatesAt(const LearningRates& peak, int64_t step, int64_t n_steps) {
  const float share = ScheduleShare(step, n_steps);
  return {peak.levels * share, peak.tables * share, peak.scales * share, peak.norms * share,
          peak.head * share};
}

std::vector<int64_t> BatchOf(int64_t step, int64_t batch_sequences, int64_t n_sequences) {
  std::vector<int64_t> batch;
  for (int64_t i = 0; i < batch_sequences; ++i) {
    const int64_t place = (step - 1) * batch_sequences + i;
    // Shuffled anew for each element: small beside a step's work.
    batch.push_back(
        OrderOfEpoch(place / n_sequences, n_sequences)[static_cast<size_t>(place % n_sequences)]);
  }
  return batch;
}

BlockTuner::BlockTuner(const ModelConfig& config, const BlockSamples& samples,
                       const TuneOptions& options, std::vector<TrainableBlock>& blocks,
                       ThreadPool& pool)
    : samples_(samples),
      options_(options),
      blocks_(blocks),
      pool_(pool),
      stack_(config, std::ssize(blocks), samples.inputs.front()->rows(),
             options.batch_sequences * samples.inputs.front()->rows(), options.precision),
      losses_(Index(options.n_steps)) {}

Result<double> BlockTuner::Step() {
  const std::vector<int64_t> batch =
      BatchOf(step_ + 1, options_.batch_sequences, std::ssize(samples_.inputs));
  const Matrix x = Stack(samples_.inputs, batch);
  const Matrix target = Stack(samples_.targets, batch);
  const auto weights = [&](size_t i) -> const FloatLayer& { return blocks_[i].weights(); };
  const Matrix error = stack_.Forward(x, weights, pool_) - target;
  const Matrix weighted = Weighted(error, options_.metric, pool_);
  const Matrix change = target - x;
  const double scale = 1.0 / InnerProduct(change, Weighted(change, options_.metric, pool_));
  const double loss = InnerProduct(error, weighted) * scale;
  if (!std::isfinite(loss)) {
    return Fail(ErrorCode::kNumeric, "tuning a block gave a loss that is not finite",
                "check that the checkpoint's weights are sound");
  }
  losses_[Index(step_)] = static_cast<float>(loss);
  ++step_;
  const LearningRates rates = RatesAt(options_.rates, step_, options_.n_steps);
  stack_.Backward(
      weighted * static_cast<float>(2.0 * scale), weights,
      [&](size_t i, const FloatLayer& dw) { blocks_[i].Step(dw, rates, step_, pool_); }, pool_);
  return loss;
}

std::vector<std::vector<float>*> BlockTuner::State() {
  std::vector<std::vector<float>*> arrays = StateOf(blocks_);
  arrays.push_back(&losses_);
  return arrays;
}

Status BlockTuner::Save(const std::string& path) { return SaveState(path, step_, State()); }

Status BlockTuner::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(step_, LoadState(path, State()));
  for (TrainableBlock& block : blocks_) block.Refresh(pool_);
  return {};
}

}  // namespace accllm::tune
