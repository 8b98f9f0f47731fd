// Rules for files that a verb writes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm::cli {

// `option` is the one that named `path`. Errors: kInvalidArgument if `path` exists and `force` was
// not given, kNotFound if its folder does not exist.
inline Status CheckOutput(const std::string& path, bool force,
                          std::string_view option = "--output") {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} {}: is a folder", option, path),
                "name a file");
  }
  if (!force && std::filesystem::exists(path, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} {}: exists", option, path),
                "give --force to overwrite it");
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, error)) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("{} {}: there is no folder {}", option, path, folder.string()),
                "create it first");
  }
  return {};
}

// A folder for many files, made if it is not there. Errors: kIo.
inline Status MakeFolder(const std::string& path, std::string_view option) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return Fail(ErrorCode::kIo,
              fmt::format("{} {}: cannot make the folder: {}", option, path, error.message()),
              "name a folder that can be written");
}

}  // namespace accllm::cli
