#include "report_baselines.h"

#include <algorithm>

#include "accel/data.h"
#include "accel/estimate/baseline_performance.h"
#include "shape_model.h"

namespace accllm::cli {
namespace {

using accel::EnergyScope;

// The program of the baseline's model. Its own formats do not matter to the cycle model; W4 and 4
// bits keep addresses about as far apart as they are.
Result<compiler::Plan> PlanOf(const accel::Baseline& baseline, int64_t max_position) {
  const accel::BaselineMachine& machine = *baseline.machine;
  ACCLLM_ASSIGN_OR_RETURN(const compiler::ModelTensors model, TensorsOfShape(machine.shape, "w4"));
  compiler::CompileOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.target, compiler::LoadTarget("u280"));
  options.target.slots = 1;
  options.target.clock_mhz = baseline.clock_mhz;
  options.window = machine.attention;
  options.max_tokens = max_position + 1;
  return compiler::PlanProgram(model, options, nullptr);
}

class BaselineModel {
 public:
  BaselineModel(const accel::Baseline& baseline, const compiler::Plan& plan,
                const accel::EnergyCoefficients& coefficients)
      : baseline_(baseline), plan_(plan), coefficients_(coefficients) {}

  Result<BaselinePoint> At(int64_t position) const {
    const accel::BaselineToken token =
        accel::ModelToken(baseline_, plan_.graph.geometry, plan_.instructions, position);
    BaselinePoint point;
    point.cached_tokens = static_cast<int64_t>(token.cached_tokens);
    point.tokens_per_s = 1 / token.seconds;
    point.hbm_utilisation =
        (token.read_bytes + token.written_bytes) / token.seconds / baseline_.hbm_bytes_per_s;
    ACCLLM_ASSIGN_OR_RETURN(point.energy,
                            accel::EstimateEnergy(accel::CountsPerToken(baseline_, token), 1,
                                                  baseline_.scope, coefficients_));
    return point;
  }

 private:
  const accel::Baseline& baseline_;
  const compiler::Plan& plan_;
  const accel::EnergyCoefficients& coefficients_;
};

// The points of a baseline with a machine.
Status ModelPoints(int64_t position, const accel::EnergyCoefficients& coefficients,
                   BaselineEstimate& estimate) {
  const accel::Baseline& baseline = estimate.baseline;
  const auto published = static_cast<int64_t>(baseline.cached_tokens) - 1;
  int64_t last = published;
  for (const accel::BaselineCheck& check : baseline.machine->checks) {
    last = std::max(last, check.cached_tokens - 1);
  }
  const bool fits =
      accel::BytesHeld(baseline, position) <= static_cast<double>(baseline.machine->memory_bytes);
  if (fits) last = std::max(last, position);
  ACCLLM_ASSIGN_OR_RETURN(const compiler::Plan plan, PlanOf(baseline, last));
  const BaselineModel model(baseline, plan, coefficients);
  ACCLLM_ASSIGN_OR_RETURN(estimate.published_point, model.At(published));
  for (const accel::BaselineCheck& check : baseline.machine->checks) {
    ACCLLM_ASSIGN_OR_RETURN(const BaselinePoint point, model.At(check.cached_tokens - 1));
    estimate.checks.push_back(point);
  }
  if (fits) {
    ACCLLM_ASSIGN_OR_RETURN(estimate.same_position, model.At(position));
  }
  return {};
}

const accel::EnergyReport& InScope(const OurPoint& ours, EnergyScope scope) {
  return scope == EnergyScope::kChip ? *ours.chip : *ours.card;
}

double EnergyRatio(const OurPoint& ours, const accel::EnergyReport& theirs) {
  return InScope(ours, theirs.scope).tokens_per_joule.nominal / theirs.tokens_per_joule.nominal;
}

std::string_view ScopeName(EnergyScope scope) {
  return scope == EnergyScope::kChip ? "chip" : "card";
}

Json RangeToJson(const accel::EnergyRange& range) {
  return {{"low", range.low}, {"nominal", range.nominal}, {"high", range.high}};
}

// `published_tokens_per_s` 0: nobody published a speed there.
Json PointToJson(const BaselinePoint& point, double published_tokens_per_s) {
  Json json = {{"cached_tokens", point.cached_tokens},
               {"tokens_per_second", point.tokens_per_s},
               {"hbm_utilisation", point.hbm_utilisation},
               {"watts", RangeToJson(point.energy.watts)},
               {"tokens_per_joule", RangeToJson(point.energy.tokens_per_joule)}};
  if (published_tokens_per_s > 0) {
    json["published_tokens_per_second"] = published_tokens_per_s;
    json["relative_error"] = point.tokens_per_s / published_tokens_per_s - 1;
  }
  return json;
}

std::string ErrorText(double modelled, double published) {
  return fmt::format("{:.1f} ({:+.1f} %)", modelled, 100 * (modelled / published - 1));
}

class TableRows {
 public:
  explicit TableRows(const OurPoint& ours) : ours_(ours) {}

  void AddOurs(const OurPoint& point) {
    for (const accel::EnergyReport* report : {point.chip, point.card}) {
      rows_.push_back({point.name, std::string(ScopeName(report->scope)),
                       fmt::format("{:.1f}", point.tokens_per_s),
                       fmt::format("{:.1f}", report->watts.nominal),
                       fmt::format("{:.2f} ({:.2f} to {:.2f})", report->tokens_per_joule.nominal,
                                   report->tokens_per_joule.low, report->tokens_per_joule.high),
                       "", ""});
    }
  }

  void AddPublished(const BaselineEstimate& b) {
    const accel::Baseline& p = b.baseline;
    rows_.push_back({p.name + ", published", std::string(ScopeName(p.scope)),
                     fmt::format("{:.1f}", p.tokens_per_s), fmt::format("{:.1f}", p.watts),
                     fmt::format("{:.2f} (modelled {:.2f})", p.tokens_per_joule,
                                 b.at_published_speed.tokens_per_joule.nominal),
                     fmt::format("{:.2f}", ours_.tokens_per_s / p.tokens_per_s),
                     fmt::format("{:.2f}", EnergyRatio(ours_, b.at_published_speed))});
  }

  // `published` 0: nobody published a speed there.
  void AddModelled(const BaselineEstimate& b, const BaselinePoint& point, double published) {
    rows_.push_back({fmt::format("{}, modelled, {} cached", b.baseline.name, point.cached_tokens),
                     std::string(ScopeName(b.baseline.scope)),
                     published > 0 ? ErrorText(point.tokens_per_s, published)
                                   : fmt::format("{:.1f}", point.tokens_per_s),
                     fmt::format("{:.1f}", point.energy.watts.nominal),
                     fmt::format("{:.2f}", point.energy.tokens_per_joule.nominal),
                     fmt::format("{:.2f}", ours_.tokens_per_s / point.tokens_per_s),
                     fmt::format("{:.2f}", EnergyRatio(ours_, point.energy))});
  }

  std::string Text() const { return FormatTable(rows_); }

 private:
  const OurPoint& ours_;
  std::vector<std::vector<std::string>> rows_ = {
      {"design", "scope", "token/s", "W", "token/J", "times faster", "times the token/J"}};
};

}  // namespace

Result<std::vector<BaselineEstimate>> EstimateBaselines(
    const std::string& shape, int64_t position, const accel::EnergyCoefficients& coefficients,
    const std::function<void(double share)>& on_progress) {
  std::vector<BaselineEstimate> all;
  const auto files = accel::DataFiles();
  for (size_t i = 0; i < files.size(); ++i) {
    on_progress(static_cast<double>(i) / static_cast<double>(files.size()));
    if (!files[i].path.starts_with("baselines/")) continue;
    BaselineEstimate estimate;
    ACCLLM_ASSIGN_OR_RETURN(estimate.baseline,
                            accel::ParseBaseline(files[i].text, std::string(files[i].path)));
    const accel::Baseline& baseline = estimate.baseline;
    ACCLLM_ASSIGN_OR_RETURN(
        estimate.at_published_speed,
        accel::EstimateEnergy(accel::CountsPerToken(baseline, accel::PublishedToken(baseline)), 1,
                              baseline.scope, coefficients));
    if (baseline.machine && baseline.machine->shape == shape) {
      ACCLLM_RETURN_IF_ERROR(ModelPoints(position, coefficients, estimate));
    }
    all.push_back(std::move(estimate));
  }
  return all;
}

Json ToJson(const BaselineEstimate& e, const OurPoints& ours) {
  const accel::Baseline& baseline = e.baseline;
  Json json = {{"name", baseline.name},
               {"scope", ScopeName(baseline.scope)},
               {"published",
                {{"tokens_per_second", baseline.tokens_per_s},
                 {"watts", baseline.watts},
                 {"tokens_per_joule", baseline.tokens_per_joule},
                 {"source", baseline.source}}},
               {"at_published_speed",
                {{"watts", RangeToJson(e.at_published_speed.watts)},
                 {"tokens_per_joule", RangeToJson(e.at_published_speed.tokens_per_joule)},
                 {"speed_ratio", ours.plain.tokens_per_s / baseline.tokens_per_s},
                 {"energy_ratio", EnergyRatio(ours.plain, e.at_published_speed)}}}};
  if (!e.published_point) return json;
  json["calibrated"] = baseline.machine->calibrated;
  json["modelled"] = PointToJson(*e.published_point, baseline.tokens_per_s);
  for (size_t i = 0; i < e.checks.size(); ++i) {
    const accel::BaselineCheck& check = baseline.machine->checks[i];
    Json point = PointToJson(e.checks[i], check.tokens_per_s);
    point["source"] = check.source;
    json["checks"].push_back(std::move(point));
  }
  if (!e.same_position) return json;
  json["same_position"] = PointToJson(*e.same_position, 0);
  json["speed_ratio"] = ours.plain.tokens_per_s / e.same_position->tokens_per_s;
  json["energy_ratio"] = EnergyRatio(ours.plain, e.same_position->energy);
  if (ours.mix) {
    json["mix"] = {{"speed_ratio", ours.mix->tokens_per_s / e.same_position->tokens_per_s},
                   {"energy_ratio", EnergyRatio(*ours.mix, e.same_position->energy)}};
  }
  return json;
}

std::string DesignTable(const std::vector<BaselineEstimate>& baselines, const OurPoints& ours) {
  TableRows rows(ours.plain);
  rows.AddOurs(ours.plain);
  if (ours.mix) rows.AddOurs(*ours.mix);
  for (const BaselineEstimate& b : baselines) {
    rows.AddPublished(b);
    if (b.published_point) rows.AddModelled(b, *b.published_point, b.baseline.tokens_per_s);
    for (size_t i = 0; i < b.checks.size(); ++i) {
      rows.AddModelled(b, b.checks[i], b.baseline.machine->checks[i].tokens_per_s);
    }
    // A full window is the same everywhere.
    const bool is_new =
        b.same_position && b.same_position->cached_tokens != b.published_point->cached_tokens;
    if (is_new) rows.AddModelled(b, *b.same_position, 0);
  }
  return rows.Text();
}

}  // namespace accllm::cli
