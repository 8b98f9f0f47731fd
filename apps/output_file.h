// Rules for files that a verb writes.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace accllm::cli {

// Errors: kInvalidArgument if `path` exists and `force` was not given, kNotFound if its folder does
// not exist.
inline Status CheckOutput(const std::string& path, bool force) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--output {}: is a folder", path),
                "name a file");
  }
  if (!force && std::filesystem::exists(path, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--output {}: exists", path),
                "give --force to overwrite it");
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, error)) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("--output {}: there is no folder {}", path, folder.string()),
                "create it first");
  }
  return {};
}

}  // namespace accllm::cli
