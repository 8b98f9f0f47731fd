// The machine that a program is compiled for: a data file of spec/accelerator/targets/, or the
// user's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec/accelerator.h"

namespace accllm::compiler {

struct Target {
  std::string name;
  int64_t lanes = 0;  // memory channels; a power of two
  int64_t slots = 0;  // tokens of one pass
  double clock_mhz = 0;
  isa::Memory memory = isa::Memory::kHbm2;
  int64_t channel_bytes = 0;  // memory behind one lane
  int64_t vector_bytes = 0;   // on-chip memory for float vectors and activations
  int64_t vector_lanes = 32;  // floats that the vector unit takes a cycle
  int64_t head_units = 1;     // that make KV4 of keys and values, to which KV heads go in turn
  std::string part = {};      // FPGA of spec/accelerator/parts.toml; empty: not known
};

// "u280", ... in alphabetical order.
std::vector<std::string_view> BundledTargets();

// A bundled target by its name, or a TOML file. Errors: kNotFound, kInvalidArgument with file and
// key.
Result<Target> LoadTarget(const std::string& name_or_file);

}  // namespace accllm::compiler
