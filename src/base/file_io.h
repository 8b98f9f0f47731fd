// Small files at once, and writes that survive a crash.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm {

// The whole file as a string. Errors: kNotFound, kIo, kUnsupported if larger than `max_bytes`.
Result<std::string> ReadTextFile(const std::string& path, int64_t max_bytes);

// Writes `bytes` to `path` so that after a crash there is either the old file or the whole new one:
// a temporary file beside it, fsync, rename. `parts` follow each other in the file. Errors: kIo.
Status WriteFileAtomically(const std::string& path,
                           std::span<const std::span<const uint8_t>> parts);
Status WriteFileAtomically(const std::string& path, std::string_view text);

// Renames `from` to `to` and makes the change durable. Errors: kIo.
Status RenameDurably(const std::string& from, const std::string& to);

// Writes all of `bytes` to `fd` at `offset`. `path` is for the error message. Errors: kIo.
Status WriteAllAt(int fd, std::span<const uint8_t> bytes, int64_t offset, const std::string& path);

}  // namespace accllm
