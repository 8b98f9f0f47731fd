// What an FPGA has of each resource: spec/accelerator/parts.toml.
#pragma once

#include <string>
#include <string_view>

#include "accel/energy/energy_counts.h"
#include "base/result.h"

namespace accllm::accel {

struct FpgaPart {
  std::string name;  // "xcu280"
  FabricUse has;
  std::string source;
};

// The part of that name. `path` is for messages. Errors: kNotFound, naming the parts that there
// are; kCorrupt, naming file and field.
Result<FpgaPart> ParseFpgaPart(std::string_view text, const std::string& path,
                               const std::string& name);

// What a design takes too much of, as "9500 DSP of 9024"; empty if it fits.
std::string WhatExceeds(const FabricUse& used, const FabricUse& has);

}  // namespace accllm::accel
