#include "accel/estimate/published_designs.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "accel/data.h"
#include "accel/energy/baseline.h"
#include "accel/energy/toml_fields.h"

namespace accllm::accel {
namespace {

constexpr NumberRange kPositive = {1e-6, 1e9};
// Published figures are rounded to two digits or three.
constexpr double kRounding = 0.03;

constexpr auto kDesignKeys = std::to_array<std::string_view>(
    {"name", "baseline", "platform", "model", "precision", "method", "source", "note",
     "second_hand", "tokens_per_s", "watts", "tokens_per_joule", "luts", "dsps"});
// What a design with a baseline has there.
constexpr auto kBaselineFigures = std::to_array<std::string_view>(
    {"platform", "source", "tokens_per_s", "watts", "tokens_per_joule", "luts", "dsps"});

constexpr std::array kOptionalFigures = {
    std::pair{std::string_view("watts"), &PublishedDesign::watts},
    std::pair{std::string_view("tokens_per_joule"), &PublishedDesign::tokens_per_joule},
    std::pair{std::string_view("luts"), &PublishedDesign::luts},
    std::pair{std::string_view("dsps"), &PublishedDesign::dsps},
};

Status ReadFigures(const JsonObject& table, PublishedDesign& design) {
  ACCLLM_ASSIGN_OR_RETURN(design.platform, TomlString(table, "platform"));
  ACCLLM_ASSIGN_OR_RETURN(design.source, TomlString(table, "source"));
  ACCLLM_ASSIGN_OR_RETURN(design.tokens_per_s, TomlNumber(table, "tokens_per_s", kPositive));
  for (const auto& [key, field] : kOptionalFigures) {
    if (!table.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(design.*field, TomlNumber(table, key, kPositive));
  }
  if (!design.watts || !design.tokens_per_joule) return {};
  const double ratio = design.tokens_per_s / *design.watts / *design.tokens_per_joule;
  if (std::abs(ratio - 1) <= kRounding) return {};
  return Fail(
      ErrorCode::kCorrupt,
      fmt::format("{} is {}, but tokens_per_s / watts is {:.4g}", table.Where("tokens_per_joule"),
                  *design.tokens_per_joule, design.tokens_per_s / *design.watts),
      "take all three from one table of the source");
}

Result<PublishedDesign> ReadDesign(const JsonObject& table) {
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, kDesignKeys));
  PublishedDesign design;
  ACCLLM_ASSIGN_OR_RETURN(design.name, TomlString(table, "name"));
  ACCLLM_ASSIGN_OR_RETURN(design.model, TomlString(table, "model"));
  ACCLLM_ASSIGN_OR_RETURN(design.method, TomlString(table, "method"));
  if (table.Has("precision")) {
    ACCLLM_ASSIGN_OR_RETURN(design.precision, TomlString(table, "precision"));
  }
  if (table.Has("note")) {
    ACCLLM_ASSIGN_OR_RETURN(design.note, TomlString(table, "note"));
  }
  if (table.Has("second_hand")) {
    ACCLLM_ASSIGN_OR_RETURN(design.is_second_hand, table.Bool("second_hand"));
  }
  if (!table.Has("baseline")) {
    ACCLLM_RETURN_IF_ERROR(ReadFigures(table, design));
    return design;
  }
  ACCLLM_ASSIGN_OR_RETURN(design.baseline, TomlString(table, "baseline"));
  for (const std::string_view key : kBaselineFigures) {
    if (!table.Has(key)) continue;
    return Fail(ErrorCode::kCorrupt, fmt::format("{} is given twice", table.Where(key)),
                fmt::format("leave it to baselines/{}.toml", design.baseline));
  }
  return design;
}

}  // namespace

Result<std::vector<PublishedDesign>> ParsePublishedDesigns(std::string_view text,
                                                           const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, ParseTomlText(text, path));
  constexpr std::array kKeys = {std::string_view("design")};
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(root, kKeys));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> tables, root.Objects("design"));
  std::vector<PublishedDesign> designs;
  for (const JsonObject& table : tables) {
    ACCLLM_ASSIGN_OR_RETURN(PublishedDesign design, ReadDesign(table));
    designs.push_back(std::move(design));
  }
  return designs;
}

Result<std::vector<PublishedDesign>> BundledPublishedDesigns() {
  ACCLLM_ASSIGN_OR_RETURN(std::vector<PublishedDesign> designs,
                          ParsePublishedDesigns(DataText("published.toml"), "published.toml"));
  for (PublishedDesign& design : designs) {
    if (design.baseline.empty()) continue;
    const std::string path = fmt::format("baselines/{}.toml", design.baseline);
    ACCLLM_ASSIGN_OR_RETURN(const Baseline baseline, ParseBaseline(DataText(path), path));
    design.platform = baseline.platform;
    design.source = baseline.source;
    design.tokens_per_s = baseline.tokens_per_s;
    design.watts = baseline.watts;
    design.tokens_per_joule = baseline.tokens_per_joule;
    design.luts = baseline.luts;
    design.dsps = baseline.dsps;
  }
  return designs;
}

}  // namespace accllm::accel
