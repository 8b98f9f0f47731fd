// What the process returns; shown by --help and in the reference page.
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"

namespace accllm::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitInternal = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitBadInput = 4;
inline constexpr int kExitOutOfMemory = 5;
inline constexpr int kExitInterrupted = 130;

struct ExitCode {
  int value;
  std::string_view meaning;
};

inline constexpr std::array kExitCodes = {
    ExitCode{kExitOk, "success"},
    ExitCode{kExitInternal, "internal error, or a computation gave no finite number"},
    ExitCode{kExitUsage, "usage: an option or argument is unknown, out of range or contradictory"},
    ExitCode{kExitNotFound,
             "an input, or a part of it, was not found, or reading or writing failed"},
    ExitCode{kExitBadInput, "an input is damaged or of a kind that is not supported"},
    ExitCode{kExitOutOfMemory, "out of memory"},
    ExitCode{kExitInterrupted, "interrupted by Ctrl-C"},
};

constexpr int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return kExitUsage;
    case ErrorCode::kNotFound:
    case ErrorCode::kIo:
      return kExitNotFound;
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
      return kExitBadInput;
    case ErrorCode::kOutOfMemory:
      return kExitOutOfMemory;
    case ErrorCode::kNumeric:
      return kExitInternal;
    case ErrorCode::kInterrupted:
      return kExitInterrupted;
  }
  return kExitInternal;
}

}  // namespace accllm::cli
