// Joules per event: the coefficients of the energy model, read from spec/accelerator/energy.toml.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm::accel {

// A value that is known only within bounds; low <= nominal <= high.
struct EnergyRange {
  double low = 0;
  double nominal = 0;
  double high = 0;
};

struct EnergyCoefficient {
  EnergyRange value;   // in watts, joules, or per what the member's comment says
  std::string basis;   // "published", "derived" (arithmetic on something published) or "assumed"
  std::string source;  // what the bounds and the nominal value rest on
};

struct EnergyCoefficients {
  EnergyCoefficient device_static;  // W: leakage of FPGA and HBM, while configured
  EnergyCoefficient shell;          // W: PCIe link and what else the platform keeps running
  EnergyCoefficient card;           // W: all on the card that is outside the FPGA's package
  EnergyCoefficient clock_ff;       // W per 1000 flip-flops and MHz
  EnergyCoefficient clock_block;    // W per DSP, BRAM or URAM and MHz
  EnergyCoefficient hbm;            // J per byte, read or written: DRAM, PHY and controller
  EnergyCoefficient dsp;            // J per active DSP and cycle
  EnergyCoefficient lut;   // J per 1000 active LUTs and cycle, flip-flops and nets included
  EnergyCoefficient bram;  // J per access
  EnergyCoefficient uram;  // J per access
};

// The path is for error messages. Errors: kCorrupt if the text is not TOML, has a key too many, a
// value of another type or out of range, an unexpected unit, or bounds in the wrong order;
// kNotFound for what is missing.
Result<EnergyCoefficients> ParseEnergyCoefficients(std::string_view text, const std::string& path);

// Errors: as above, and those of reading the file.
Result<EnergyCoefficients> ReadEnergyCoefficients(const std::string& path);

}  // namespace accllm::accel
