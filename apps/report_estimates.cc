#include "report_estimates.h"

#include <algorithm>
#include <utility>

#include "console.h"

namespace accllm::cli {
namespace {

using accel::EnergyScope;

constexpr int64_t kLatePosition = 1'000'000;
constexpr int64_t kPrefillSamples = 9;
constexpr std::string_view kSmallWindow = "508";

struct VariantFlags {
  std::string change;
  std::vector<std::string_view> replaced;  // options of the command line
  std::string options;                     // that stand there instead
  ReportFlags flags;
};

// `flags` with one thing changed, each time.
std::vector<VariantFlags> VariantsOf(const ReportFlags& flags) {
  std::vector<VariantFlags> variants = {{"nothing", {}, "", flags}};
  const std::pair<std::string_view, std::string_view> types[] = {{"w2-2:4", "2:4, W2"},
                                                                 {"w2", "no pruning: dense W2"},
                                                                 {"w4", "dense W4"},
                                                                 {"w8", "dense W8"}};
  for (const auto& [type, what] : types) {
    const std::string_view now = flags.linear.empty() ? types[0].first : flags.linear;
    if (flags.shape.shape.empty() || type == now) continue;
    ReportFlags changed = flags;
    changed.linear = type;
    variants.push_back({std::string(what), {"linear"}, fmt::format("--linear {}", type), changed});
  }
  for (const std::string_view bits : {"8", "16"}) {
    if (bits == flags.cache_bits) continue;
    ReportFlags changed = flags;
    changed.cache_bits = bits;
    variants.push_back(
        {fmt::format("cache of {} bits", bits), {"kv"}, fmt::format("--kv {}", bits), changed});
  }
  if (flags.run.window != kSmallWindow) {
    ReportFlags changed = flags;
    changed.run.window = kSmallWindow;
    variants.push_back({fmt::format("window of {}", kSmallWindow),
                        {"window", "context"},
                        fmt::format("--window {}", kSmallWindow),
                        changed});
  }
  for (const int64_t position : {flags.position, int64_t{8192}, int64_t{32768}}) {
    if (flags.run.window == "all" && position == flags.position) continue;
    ReportFlags changed = flags;
    changed.run.window = "all";
    changed.run.context = 0;
    changed.position = position;
    variants.push_back({fmt::format("full attention, position {}", position),
                        {"window", "context", "position"},
                        fmt::format("--window all --position {}", position),
                        changed});
  }
  return variants;
}

Result<Variant> EstimateVariant(const VariantFlags& changed, const CommandLine& command,
                                const MachineCosts& costs) {
  Variant variant;
  variant.change = changed.change;
  variant.command = ReportCommand(command, changed.replaced, changed.options);
  const auto made = MachineOf(changed.flags, costs);
  if (!made && made.error().code == ErrorCode::kInvalidArgument) {
    variant.refusal = made.error().message;
    return variant;
  }
  if (!made) return tl::unexpected(made.error());
  const EstimatedMachine& machine = *made;
  const int64_t position = changed.flags.position;
  const accel::PassEstimate pass = machine.performance.Pass(position, 1, 1);
  ACCLLM_ASSIGN_OR_RETURN(const accel::EnergyReport energy,
                          accel::EstimateEnergy(pass.counts, 1, EnergyScope::kChip, costs.energy));
  variant.tokens_per_second = 1 / pass.seconds;
  variant.tokens_per_joule = energy.tokens_per_joule.nominal;
  variant.hbm_bytes = pass.hbm_bytes;
  variant.hbm_share = machine.HbmShare(pass);
  variant.products = machine.Products(position, 1, 1);
  return variant;
}

Result<compiler::CompileOptions> CompileOptionsOf(const ReportFlags& flags) {
  compiler::CompileOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.target, compiler::LoadTarget(flags.target));
  ACCLLM_ASSIGN_OR_RETURN(options.window, flags.run.Attention(AttentionWindow{}));
  options.cache_bits = std::stoll(flags.cache_bits);
  const int64_t needed = std::max(flags.position, flags.prefill) + isa::kMaxSlots;
  ACCLLM_ASSIGN_OR_RETURN(options.max_tokens, flags.run.MaxTokens(options.window, needed));
  if (options.window.window == AttentionWindow::kAll && options.max_tokens < needed) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--context {} does not hold --position {} and --prefill {}",
                            options.max_tokens, flags.position, flags.prefill),
                fmt::format("give --context {} or more", needed));
  }
  return options;
}

}  // namespace

Result<EstimatedMachine> MachineOf(const ReportFlags& flags, const MachineCosts& costs) {
  ACCLLM_ASSIGN_OR_RETURN(compiler::ModelTensors model, flags.shape.Read(flags.linear));
  ACCLLM_ASSIGN_OR_RETURN(compiler::CompileOptions options, CompileOptionsOf(flags));
  return EstimatedMachine::Make(std::move(model), std::move(options), costs);
}

Result<Estimates> Estimate(const ReportFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const MachineCosts costs, MachineCosts::Bundled());
  Estimates estimates;
  ACCLLM_ASSIGN_OR_RETURN(estimates.machine, MachineOf(flags, costs));
  const EstimatedMachine& machine = estimates.machine;
  ACCLLM_ASSIGN_OR_RETURN(estimates.part, PartOf(machine.options.target));
  const int64_t slots = machine.options.target.slots;
  std::optional<PassMix> mix;
  if (!flags.passes.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(mix, ParsePassMix(flags.passes, flags.generated, slots));
  }
  const bool has_late_pass = machine.options.window.window != AttentionWindow::kAll;
  const auto n_passes = static_cast<double>(slots + (has_late_pass ? 1 : 0) + kPrefillSamples);
  Progress progress("simulating");
  const auto add_pass = [&](int64_t position, int64_t n_tokens) {
    estimates.passes.push_back(machine.performance.Pass(position, n_tokens, n_tokens));
    progress.Update(static_cast<double>(estimates.passes.size()) / n_passes);
  };
  for (int64_t n = 1; n <= slots; ++n) add_pass(flags.position, n);
  if (has_late_pass) add_pass(kLatePosition, 1);
  estimates.prefill_tokens = flags.prefill;
  estimates.prefill_seconds =
      machine.performance.PrefillSeconds(flags.prefill, kPrefillSamples, [&](double share) {
        progress.Update((static_cast<double>(estimates.passes.size()) + share * kPrefillSamples) /
                        n_passes);
      });
  for (const auto& [scope, report] :
       {std::pair{EnergyScope::kChip, &estimates.chip}, {EnergyScope::kCard, &estimates.card}}) {
    ACCLLM_ASSIGN_OR_RETURN(
        *report, accel::EstimateEnergy(estimates.passes[0].counts, 1, scope, costs.energy));
  }
  if (mix) {
    ACCLLM_ASSIGN_OR_RETURN(estimates.mix, EstimatePassMix(*mix, estimates.passes, costs.energy));
  }
  Progress baselines("simulating published machines");
  ACCLLM_ASSIGN_OR_RETURN(estimates.baselines,
                          EstimateBaselines(flags.shape.shape, flags.position, costs.energy,
                                            [&](double share) { baselines.Update(share); }));
  return estimates;
}

std::string ReportCommand(const CommandLine& command, std::vector<std::string_view> replaced,
                          std::string_view options) {
  for (const std::string_view name : {"html", "trace", "trace-tokens", "json", "config"}) {
    replaced.push_back(name);
  }
  return command.Text(replaced, options);
}

Result<std::vector<Variant>> EstimateVariants(const ReportFlags& flags,
                                              const CommandLine& command) {
  ACCLLM_ASSIGN_OR_RETURN(const MachineCosts costs, MachineCosts::Bundled());
  const std::vector<VariantFlags> all = VariantsOf(flags);
  std::vector<Variant> variants;
  Progress progress("simulating variants");
  for (const VariantFlags& changed : all) {
    if (Interrupted()) return tl::unexpected(InterruptedError("nothing is kept"));
    ACCLLM_ASSIGN_OR_RETURN(Variant variant, EstimateVariant(changed, command, costs));
    variants.push_back(std::move(variant));
    progress.Update(static_cast<double>(variants.size()) / static_cast<double>(all.size()));
  }
  return variants;
}

}  // namespace accllm::cli
