// The bytes of a file, for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_io.h"

namespace accllm::testing {

// Empty if there is none: what the test expects of it then fails.
inline std::string ReadFile(const std::filesystem::path& path) {
  return ReadTextFile(path.string(), INT64_MAX).value_or("");
}

}  // namespace accllm::testing
