#include "compare_result.h"

#include "base/json_fields.h"

namespace accllm::cli {
namespace {

constexpr JsonLimits kLimits = {size_t{1} << 26, size_t{1} << 20, 8};

Result<Measurement> ReadMeasurement(const JsonObject& fields) {
  Measurement m;
  ACCLLM_ASSIGN_OR_RETURN(m.perplexity, fields.Number("perplexity"));
  ACCLLM_ASSIGN_OR_RETURN(m.kl, fields.Number("kl"));
  ACCLLM_ASSIGN_OR_RETURN(m.top1_agreement, fields.Number("top1_agreement"));
  ACCLLM_ASSIGN_OR_RETURN(m.seconds, fields.Number("seconds"));
  return m;
}

// Perplexity, divergence and agreement of one precision, "-" where they are not known.
void AddCells(const RecipeResult& result, std::string_view precision, bool is_reference,
              std::vector<std::string>& row) {
  const Measurement* m = result.Find(precision);
  row.push_back(m == nullptr ? "-" : fmt::format("{:.2f}", m->perplexity));
  const bool has_divergence = m != nullptr && !is_reference;
  row.push_back(has_divergence ? fmt::format("{:.4f}", m->kl) : "-");
  row.push_back(has_divergence ? fmt::format("{:.1f}", 100 * m->top1_agreement) : "-");
}

std::vector<std::string> TableRow(const RecipeResult& result, bool is_reference) {
  std::vector<std::string> row = {
      result.name, is_reference ? "-" : fmt::format("{:.3f}", result.bits_per_linear_weight),
      FormatBytes(result.file_bytes)};
  AddCells(result, kWeightsOnly, is_reference, row);
  AddCells(result, kWholeEngine, is_reference, row);
  row.push_back(is_reference ? "-" : FormatSeconds(result.seconds));
  return row;
}

}  // namespace

Json RecipeResult::ToJson() const {
  Json json = {{"name", name},
               {"summary", summary},
               {"fingerprint", fingerprint},
               {"file_bytes", file_bytes},
               {"bits_per_linear_weight", bits_per_linear_weight},
               {"seconds", seconds},
               {"masks_kept", masks_kept},
               {"relative_errors", Json::object()},
               {"measurements", Json::object()},
               {"sample", sample ? Json(*sample) : Json()}};
  for (const auto& [tensor, error] : relative_errors) json["relative_errors"][tensor] = error;
  for (const auto& [precision, m] : measurements) {
    json["measurements"][precision] = {{"perplexity", m.perplexity},
                                       {"kl", m.kl},
                                       {"top1_agreement", m.top1_agreement},
                                       {"seconds", m.seconds}};
  }
  return json;
}

Result<RecipeResult> RecipeResult::FromJson(std::string_view text, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(text, path, kLimits));
  RecipeResult result;
  ACCLLM_ASSIGN_OR_RETURN(result.name, fields.String("name"));
  ACCLLM_ASSIGN_OR_RETURN(result.summary, fields.String("summary"));
  ACCLLM_ASSIGN_OR_RETURN(result.fingerprint, fields.String("fingerprint"));
  ACCLLM_ASSIGN_OR_RETURN(result.file_bytes, fields.Int("file_bytes", {0, INT64_MAX}));
  ACCLLM_ASSIGN_OR_RETURN(result.bits_per_linear_weight, fields.Number("bits_per_linear_weight"));
  ACCLLM_ASSIGN_OR_RETURN(result.seconds, fields.Number("seconds"));
  ACCLLM_ASSIGN_OR_RETURN(result.masks_kept, fields.Int("masks_kept", {0, INT32_MAX}));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject errors, fields.Object("relative_errors"));
  for (const std::string& tensor : errors.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(result.relative_errors[tensor], errors.Number(tensor));
  }
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject measurements, fields.Object("measurements"));
  for (const std::string& precision : measurements.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject entry, measurements.Object(precision));
    ACCLLM_ASSIGN_OR_RETURN(result.measurements[precision], ReadMeasurement(entry));
  }
  if (fields.Has("sample")) {
    ACCLLM_ASSIGN_OR_RETURN(result.sample, fields.String("sample"));
  }
  return result;
}

Json Comparison::ToJson() const {
  Json json = {{"checkpoint", checkpoint},
               {"calibration", calibration},
               {"text", text},
               {"predicted_tokens", predicted_tokens},
               {"window_tokens", window_tokens},
               {"layers", n_layers},
               {"prompt", prompt},
               {"float", reference.ToJson()},
               {"recipes", Json::array()}};
  for (const RecipeResult& recipe : recipes) json["recipes"].push_back(recipe.ToJson());
  return json;
}

std::string Comparison::ToText() const {
  std::vector<std::vector<std::string>> rows = {
      {"recipe", "bits", "file", "ppl w", "KL w", "top-1 % w", "ppl A8KV4", "KL A8KV4",
       "top-1 % A8KV4", "time"},
      TableRow(reference, true)};
  for (const RecipeResult& recipe : recipes) rows.push_back(TableRow(recipe, false));
  return FormatTable(rows);
}

}  // namespace accllm::cli
