// Where a test may write.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace accllm::testing {

// Of this process alone: tests run beside each other.
inline std::string UniquePath(const std::string& name) {
  return (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "-" + name))
      .string();
}

}  // namespace accllm::testing
