#include "compress/journal.h"

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/json_fields.h"

namespace accllm {
namespace {

using Json = nlohmann::ordered_json;

constexpr JsonLimits kLimits = {size_t{1} << 26, size_t{1} << 22, 8};

}  // namespace

Status Journal::Save(const std::string& path) const {
  Json json;
  json["fingerprint"] = fingerprint;
  json["layers_done"] = layers_done;
  json["seconds"] = seconds;
  Json& list = json["layers"] = Json::object();
  for (const LinearReport& layer : layers) {
    list[layer.name] = {{"type", layer.type},
                        {"relative_error", layer.relative_error},
                        {"mask_kept", layer.is_mask_kept},
                        {"seconds", layer.seconds}};
  }
  Json& tuned = json["tuning"] = {{"before", Json::array()}, {"after", Json::array()}};
  for (const TuneReport& report : tuning) {
    tuned["before"].push_back(report.before);
    tuned["after"].push_back(report.after);
  }
  for (const BudgetChoice& choice : budget) {
    json["budget"][choice.name] = {
        {"type", choice.type}, {"loss", choice.loss}, {"base_loss", choice.base_loss}};
  }
  return WriteFileAtomically(path, json.dump(1));
}

Result<Journal> Journal::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string text,
                          ReadTextFile(path, static_cast<int64_t>(kLimits.max_bytes)));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject fields, JsonObject::Parse(text, path, kLimits));
  Journal journal;
  ACCLLM_ASSIGN_OR_RETURN(journal.fingerprint, fields.String("fingerprint"));
  ACCLLM_ASSIGN_OR_RETURN(journal.layers_done, fields.Int("layers_done", {0, INT32_MAX}));
  ACCLLM_ASSIGN_OR_RETURN(journal.seconds, fields.Number("seconds"));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject list, fields.Object("layers"));
  for (const std::string& name : list.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject entry, list.Object(name));
    LinearReport layer;
    layer.name = name;
    ACCLLM_ASSIGN_OR_RETURN(layer.type, entry.String("type"));
    ACCLLM_ASSIGN_OR_RETURN(layer.relative_error, entry.Number("relative_error"));
    ACCLLM_ASSIGN_OR_RETURN(layer.is_mask_kept, entry.Bool("mask_kept"));
    ACCLLM_ASSIGN_OR_RETURN(layer.seconds, entry.Number("seconds"));
    journal.layers.push_back(std::move(layer));
  }
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject tuned, fields.Object("tuning"));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<double> before, tuned.Numbers("before"));
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<double> after, tuned.Numbers("after"));
  if (before.size() != after.size()) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: tuning is not in pairs", path),
                "start again without --resume");
  }
  for (size_t i = 0; i < before.size(); ++i) journal.tuning.push_back({before[i], after[i]});
  if (!fields.Has("budget")) return journal;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject spent, fields.Object("budget"));
  for (const std::string& name : spent.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject entry, spent.Object(name));
    BudgetChoice choice;
    choice.name = name;
    ACCLLM_ASSIGN_OR_RETURN(choice.type, entry.String("type"));
    ACCLLM_ASSIGN_OR_RETURN(choice.loss, entry.Number("loss"));
    ACCLLM_ASSIGN_OR_RETURN(choice.base_loss, entry.Number("base_loss"));
    journal.budget.push_back(std::move(choice));
  }
  return journal;
}

}  // namespace accllm
