// Typed reading of the TOML files in spec/accelerator/: every error names file and field and says
// what to do.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "base/json_fields.h"
#include "base/result.h"

namespace accllm::accel {

// Bounds of a number, both ends included.
struct NumberRange {
  double min = 0;
  double max = std::numeric_limits<double>::max();
};

// The text of a data file. Errors: kNotFound, kIo, kUnsupported if it is larger than any such file.
Result<std::string> ReadTomlText(const std::string& path);

// Errors: kCorrupt for anything that is not TOML, with the line.
Result<JsonObject> ParseTomlText(std::string_view text, const std::string& path);

// kCorrupt if the table has a key that is not among `known`: a misspelt one must not be ignored.
Status CheckTomlKeys(const JsonObject& table, std::span<const std::string_view> known);

// Errors: kNotFound if the field is missing, kCorrupt if it has another type, is empty or lies out
// of range.
Result<JsonObject> TomlTable(const JsonObject& table, std::string_view key);
Result<std::string> TomlString(const JsonObject& table, std::string_view key);
Result<double> TomlNumber(const JsonObject& table, std::string_view key, NumberRange range);
Result<int64_t> TomlInteger(const JsonObject& table, std::string_view key, IntRange range);

}  // namespace accllm::accel
