#include "base/isa.h"

#include <array>
#include <cstdlib>
#include <string>

namespace accllm {
namespace {

constexpr std::array kBestFirst = {Isa::kAvx512, Isa::kScalar};

}  // namespace

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

bool IsaSupported(Isa isa) {
  if (isa == Isa::kScalar) return true;
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

Result<Isa> SelectIsa() {
  const char* forced = std::getenv("ACCLLM_ISA");
  for (const Isa isa : kBestFirst) {
    if (forced == nullptr || *forced == '\0') {
      if (IsaSupported(isa)) return isa;
    } else if (IsaName(isa) == forced) {
      if (IsaSupported(isa)) return isa;
      return Fail(ErrorCode::kUnsupported, fmt::format("ACCLLM_ISA={}: this CPU lacks it", forced),
                  "unset ACCLLM_ISA to let the program choose");
    }
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("ACCLLM_ISA={}: unknown ISA", forced),
              "use scalar or avx512");
}

}  // namespace accllm
