// Which instruction set the kernels use.
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"

namespace accllm {

enum class Isa { kScalar, kAvx2, kAvx512, kNeon, kNeonI8mm };

// From the plainest to the best; no CPU has both x86's and Arm's.
inline constexpr std::array kAllIsas = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kNeon,
                                        Isa::kNeonI8mm};

std::string_view IsaName(Isa isa);

// Whether CPU and system can run kernels of `isa`. kAvx2 means AVX2 and F16C; kAvx512 means F, BW,
// VL, DQ, VBMI and VNNI; kNeon means 64-bit Arm with the dot product instructions of Armv8.2,
// kNeonI8mm the products of 8-bit matrices (FEAT_I8MM) too.
bool IsaSupported(Isa isa);

// The best ISA of this CPU, or the one that the environment variable ACCLLM_ISA names.
// Errors: kInvalidArgument if ACCLLM_ISA is unknown, kUnsupported if this CPU lacks it.
Result<Isa> SelectIsa();

}  // namespace accllm
