#include "accel/energy/toml_fields.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/file_io.h"

namespace accllm::accel {
namespace {

constexpr int64_t kMaxTomlBytes = int64_t{1} << 20;

template <typename T>
Result<T> WithTomlRemedy(Result<T> result, std::string_view remedy) {
  if (!result && result.error().remedy.empty()) result.error().remedy = remedy;
  return result;
}

}  // namespace

Result<std::string> ReadTomlText(const std::string& path) {
  return ReadTextFile(path, kMaxTomlBytes);
}

Result<JsonObject> ParseTomlText(std::string_view text, const std::string& path) {
  try {
    std::ostringstream json;
    json << toml::json_formatter(toml::parse(text, path));
    return JsonObject::Parse(json.str(), path);
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()),
                "correct the TOML there");
  }
}

Status CheckTomlKeys(const JsonObject& table, std::span<const std::string_view> known) {
  for (const std::string& key : table.Keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return Fail(ErrorCode::kCorrupt, fmt::format("{} is not known", table.Where(key)),
                fmt::format("known are {}", fmt::join(known, ", ")));
  }
  return {};
}

Result<JsonObject> TomlTable(const JsonObject& table, std::string_view key) {
  return WithTomlRemedy(table.Object(key), fmt::format("give a table [{}]", key));
}

Result<std::string> TomlString(const JsonObject& table, std::string_view key) {
  ACCLLM_ASSIGN_OR_RETURN(std::string text, WithTomlRemedy(table.String(key), "give a string"));
  if (!text.empty()) return text;
  return Fail(ErrorCode::kCorrupt, fmt::format("{} is empty", table.Where(key)), "give a string");
}

Result<double> TomlNumber(const JsonObject& table, std::string_view key, NumberRange range) {
  const std::string remedy = fmt::format("give a number from {} to {}", range.min, range.max);
  ACCLLM_ASSIGN_OR_RETURN(const double value, WithTomlRemedy(table.Number(key), remedy));
  if (value >= range.min && value <= range.max) return value;
  return Fail(ErrorCode::kCorrupt, fmt::format("{} is {}", table.Where(key), value), remedy);
}

Result<int64_t> TomlInteger(const JsonObject& table, std::string_view key, IntRange range) {
  return WithTomlRemedy(table.Int(key, range),
                        fmt::format("give an integer from {} to {}", range.min, range.max));
}

}  // namespace accllm::accel
