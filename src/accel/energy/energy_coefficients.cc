#include "accel/energy/energy_coefficients.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "accel/energy/toml_fields.h"

namespace accllm::accel {
namespace {

struct CoefficientField {
  std::string_view key;
  std::string_view unit;  // what the file must say
  double scale;           // of that unit in watts or joules
  EnergyCoefficient EnergyCoefficients::*member;
};

constexpr auto kCoefficientFields = std::to_array<CoefficientField>({
    {"device_static", "W", 1, &EnergyCoefficients::device_static},
    {"shell", "W", 1, &EnergyCoefficients::shell},
    {"card", "W", 1, &EnergyCoefficients::card},
    {"clock_ff", "uW/(kFF*MHz)", 1e-6, &EnergyCoefficients::clock_ff},
    {"clock_block", "uW/(block*MHz)", 1e-6, &EnergyCoefficients::clock_block},
    {"hbm", "pJ/byte", 1e-12, &EnergyCoefficients::hbm},
    {"dsp", "pJ/cycle", 1e-12, &EnergyCoefficients::dsp},
    {"lut", "pJ/(kLUT*cycle)", 1e-12, &EnergyCoefficients::lut},
    {"bram", "pJ/access", 1e-12, &EnergyCoefficients::bram},
    {"uram", "pJ/access", 1e-12, &EnergyCoefficients::uram},
});
constexpr auto kCoefficientKeys =
    std::to_array<std::string_view>({"low", "nominal", "high", "unit", "basis", "source"});
constexpr auto kBases = std::to_array<std::string_view>({"published", "derived", "assumed"});

// Far above any energy or power of the model: what passes it has the wrong unit.
constexpr NumberRange kCoefficientRange = {0, 1e6};

Result<EnergyRange> ReadBounds(const JsonObject& table) {
  EnergyRange bounds;
  ACCLLM_ASSIGN_OR_RETURN(bounds.low, TomlNumber(table, "low", kCoefficientRange));
  ACCLLM_ASSIGN_OR_RETURN(bounds.nominal, TomlNumber(table, "nominal", kCoefficientRange));
  ACCLLM_ASSIGN_OR_RETURN(bounds.high, TomlNumber(table, "high", kCoefficientRange));
  if (bounds.low <= bounds.nominal && bounds.nominal <= bounds.high) return bounds;
  return Fail(ErrorCode::kCorrupt,
              fmt::format("{} is {}, outside of low = {} to high = {}", table.Where("nominal"),
                          bounds.nominal, bounds.low, bounds.high),
              "order them low <= nominal <= high");
}

Result<EnergyCoefficient> ReadCoefficient(const JsonObject& table, const CoefficientField& field) {
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, kCoefficientKeys));
  EnergyCoefficient coefficient;
  ACCLLM_ASSIGN_OR_RETURN(coefficient.value, ReadBounds(table));
  for (double EnergyRange::*bound :
       {&EnergyRange::low, &EnergyRange::nominal, &EnergyRange::high}) {
    coefficient.value.*bound *= field.scale;
  }
  ACCLLM_ASSIGN_OR_RETURN(const std::string unit, TomlString(table, "unit"));
  if (unit != field.unit) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{} is '{}'", table.Where("unit"), unit),
                fmt::format("convert the values to {}", field.unit));
  }
  ACCLLM_ASSIGN_OR_RETURN(coefficient.basis, TomlString(table, "basis"));
  if (std::find(kBases.begin(), kBases.end(), coefficient.basis) == kBases.end()) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{} is '{}'", table.Where("basis"), coefficient.basis),
                fmt::format("give one of {}", fmt::join(kBases, ", ")));
  }
  ACCLLM_ASSIGN_OR_RETURN(coefficient.source, TomlString(table, "source"));
  return coefficient;
}

}  // namespace

Result<EnergyCoefficients> ParseEnergyCoefficients(std::string_view text, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, ParseTomlText(text, path));
  std::vector<std::string_view> keys;
  for (const CoefficientField& field : kCoefficientFields) keys.push_back(field.key);
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(root, keys));
  EnergyCoefficients coefficients;
  for (const CoefficientField& field : kCoefficientFields) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject table, TomlTable(root, field.key));
    ACCLLM_ASSIGN_OR_RETURN(coefficients.*field.member, ReadCoefficient(table, field));
  }
  return coefficients;
}

Result<EnergyCoefficients> ReadEnergyCoefficients(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadTomlText(path));
  return ParseEnergyCoefficients(text, path);
}

}  // namespace accllm::accel
