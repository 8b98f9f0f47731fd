#include "base/isa.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace accllm {
namespace {

#if defined(__x86_64__)
// Clang 14 does not know this feature by name. Half floats need the system's support of AVX too,
// which the question for AVX2 includes.
bool HasF16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool HasAvx2() { return __builtin_cpu_supports("avx2") && HasF16c(); }

bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}
#else
bool HasAvx2() { return false; }
bool HasAvx512() { return false; }
#endif

#if defined(__aarch64__)
bool HasNeon() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
bool HasNeonI8mm() { return HasNeon() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0; }
#else
bool HasNeon() { return false; }
bool HasNeonI8mm() { return false; }
#endif

}  // namespace

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kNeon:
      return "neon";
    case Isa::kNeonI8mm:
      return "neon-i8mm";
  }
  return "unknown";
}

bool IsaSupported(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return HasAvx2();
    case Isa::kAvx512:
      return HasAvx512();
    case Isa::kNeon:
      return HasNeon();
    case Isa::kNeonI8mm:
      return HasNeonI8mm();
  }
  return false;
}

Result<Isa> SelectIsa() {
  const char* forced = std::getenv("ACCLLM_ISA");
  if (forced == nullptr || *forced == '\0') {
    return *std::find_if(kAllIsas.rbegin(), kAllIsas.rend(), IsaSupported);
  }
  for (const Isa isa : kAllIsas) {
    if (IsaName(isa) != forced) continue;
    if (IsaSupported(isa)) return isa;
    return Fail(ErrorCode::kUnsupported, fmt::format("ACCLLM_ISA={}: this CPU lacks it", forced),
                "unset ACCLLM_ISA to let the program choose");
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("ACCLLM_ISA={}: unknown ISA", forced),
              "use scalar, avx2, avx512, neon or neon-i8mm");
}

}  // namespace accllm
