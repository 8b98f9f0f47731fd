#include "design_sweep.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "base/parallel_tasks.h"
#include "pareto.h"

namespace accllm::cli {
namespace {

Result<compiler::CompileOptions> OptionsOfDesign(const SweepTask& task,
                                                 const DesignChoice& choice) {
  compiler::CompileOptions options;
  options.target = task.target;
  options.target.lanes = choice.lanes;
  options.target.slots = choice.slots;
  options.target.clock_mhz = choice.clock_mhz;
  RunFlags run = task.run;
  run.window = choice.window;
  ACCLLM_ASSIGN_OR_RETURN(options.window, run.Attention(AttentionWindow{}));
  const int64_t needed = std::max(task.position, task.prefill) + isa::kMaxSlots;
  ACCLLM_ASSIGN_OR_RETURN(options.max_tokens, run.MaxTokens(options.window, needed));
  return options;
}

Result<DesignPoint> EstimateDesign(const SweepTask& task, const DesignChoice& choice,
                                   const MachineCosts& costs,
                                   const std::optional<accel::FpgaPart>& part) {
  DesignPoint point;
  point.choice = choice;
  ACCLLM_ASSIGN_OR_RETURN(compiler::CompileOptions options, OptionsOfDesign(task, choice));
  auto made = EstimatedMachine::Make(task.models.at(choice.linear), std::move(options), costs);
  if (!made && made.error().code == ErrorCode::kInvalidArgument) {
    point.refusal = made.error().message;
    return point;
  }
  if (!made) return tl::unexpected(made.error());
  const accel::PerformanceModel& performance = made->performance;
  point.area = made->area;
  point.counted_lut_share = made->CountedShare();
  if (part) {
    const std::string excess = accel::WhatExceeds(point.area, part->has);
    if (!excess.empty()) {
      point.refusal = fmt::format("needs more than {} has: {}", part->name, excess);
      return point;
    }
  }
  const accel::PassEstimate decode = performance.Pass(task.position, 1, 1);
  const accel::PassEstimate prefill = performance.Pass(task.prefill / 2, choice.slots, 0);
  ACCLLM_ASSIGN_OR_RETURN(
      const accel::EnergyReport energy,
      accel::EstimateEnergy(decode.counts, 1, accel::EnergyScope::kChip, costs.energy));
  point.tokens_per_second = 1 / decode.seconds;
  point.tokens_per_joule = energy.tokens_per_joule.nominal;
  point.prefill_tokens_per_second = static_cast<double>(choice.slots) / prefill.seconds;
  point.hbm_share = made->HbmShare(decode);
  return point;
}

}  // namespace

Result<Sweep> EstimateDesigns(const SweepTask& task,
                              const std::function<bool(int64_t n_done)>& on_point) {
  ACCLLM_ASSIGN_OR_RETURN(const MachineCosts costs, MachineCosts::Bundled());
  ACCLLM_ASSIGN_OR_RETURN(const std::optional<accel::FpgaPart> part, PartOf(task.target));
  std::vector<std::optional<DesignPoint>> done(task.choices.size());
  std::mutex mutex;  // of what follows
  std::optional<Error> failure;
  bool is_stopped = false;
  int64_t n_done = 0;
  const auto must_stop = [&] {
    const std::lock_guard lock(mutex);
    return is_stopped || failure.has_value();
  };
  ThreadPool pool(task.run.n_threads());
  ForEachTask(pool, std::ssize(task.choices), [&](int64_t i, int) {
    if (must_stop()) return;
    const auto at = static_cast<size_t>(i);
    auto point = EstimateDesign(task, task.choices[at], costs, part);
    const std::lock_guard lock(mutex);
    if (!point) {
      failure = point.error();
      return;
    }
    done[at] = std::move(*point);
    if (!on_point(++n_done)) is_stopped = true;
  });
  if (failure) return tl::unexpected(*failure);
  Sweep sweep;
  for (std::optional<DesignPoint>& point : done) {
    if (point) sweep.points.push_back(std::move(*point));
  }
  sweep.is_complete = sweep.points.size() == done.size();
  return sweep;
}

void MarkFronts(std::vector<DesignPoint>& points) {
  std::vector<DesignPoint*> rest;
  for (DesignPoint& point : points) {
    if (point.fits()) rest.push_back(&point);
  }
  while (!rest.empty()) {
    const DesignChoice& first = rest.front()->choice;
    const auto others = std::stable_partition(
        rest.begin(), rest.end(),
        [&](const DesignPoint* point) { return point->choice.GivesTokensOf(first); });
    std::vector<std::vector<double>> qualities;
    for (auto it = rest.begin(); it != others; ++it) {
      const DesignPoint& p = **it;
      qualities.push_back({p.tokens_per_second, p.tokens_per_joule, p.prefill_tokens_per_second,
                           -p.area.dsps, -p.area.luts});
    }
    const std::vector<bool> front = ParetoFront(qualities);
    for (size_t i = 0; i < front.size(); ++i) rest[i]->is_on_front = front[i];
    rest.erase(rest.begin(), others);
  }
}

}  // namespace accllm::cli
