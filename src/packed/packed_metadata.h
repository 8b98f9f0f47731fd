// The JSON section of a packed file.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "packed/packed_file.h"

namespace accllm {

// Errors: kCorrupt, kNotFound, kUnsupported, naming `path` and the field.
Result<PackedMetadata> ParsePackedMetadata(std::string_view text, const std::string& path);

}  // namespace accllm
