#include "accel/estimate/fpga_part.h"

#include <fmt/format.h>

#include <array>

#include "accel/energy/toml_fields.h"

namespace accllm::accel {
namespace {

struct PartResource {
  std::string_view key;
  std::string_view label;
  double FabricUse::*field;
};

constexpr std::array kPartResources = {
    PartResource{"luts", "LUT", &FabricUse::luts},
    PartResource{"ffs", "FF", &FabricUse::ffs},
    PartResource{"dsps", "DSP", &FabricUse::dsps},
    PartResource{"brams", "BRAM", &FabricUse::brams},
    PartResource{"urams", "URAM", &FabricUse::urams},
};
constexpr auto kPartKeys =
    std::to_array<std::string_view>({"luts", "ffs", "dsps", "brams", "urams", "source"});

}  // namespace

Result<FpgaPart> ParseFpgaPart(std::string_view text, const std::string& path,
                               const std::string& name) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, ParseTomlText(text, path));
  if (!root.Has(name)) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: there is no part {}", path, name),
                fmt::format("parts are {}", fmt::join(root.Keys(), ", ")));
  }
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject table, TomlTable(root, name));
  ACCLLM_RETURN_IF_ERROR(CheckTomlKeys(table, kPartKeys));
  FpgaPart part;
  part.name = name;
  ACCLLM_ASSIGN_OR_RETURN(part.source, TomlString(table, "source"));
  for (const PartResource& resource : kPartResources) {
    ACCLLM_ASSIGN_OR_RETURN(part.has.*resource.field, TomlNumber(table, resource.key, {0, 1e8}));
  }
  return part;
}

std::string WhatExceeds(const FabricUse& used, const FabricUse& has) {
  std::string text;
  for (const PartResource& resource : kPartResources) {
    const double wanted = used.*resource.field;
    const double available = has.*resource.field;
    if (wanted <= available) continue;
    text += fmt::format("{}{:.0f} {} of {:.0f}", text.empty() ? "" : ", ", wanted, resource.label,
                        available);
  }
  return text;
}

}  // namespace accllm::accel
