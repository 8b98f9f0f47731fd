// Tensor bytes of a file as float32.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"

namespace accllm {

// Converts elements stored as Bits; `bytes` need not be aligned.
template <typename Bits, typename Convert>
std::vector<float> ConvertFloats(std::span<const uint8_t> bytes, Convert convert) {
  std::vector<float> values(bytes.size() / sizeof(Bits));
  const uint8_t* source = bytes.data();
  for (float& value : values) {
    Bits bits;
    std::memcpy(&bits, source, sizeof(Bits));
    value = convert(bits);
    source += sizeof(Bits);
  }
  return values;
}

// Errors: kCorrupt naming the first value that is NaN or infinite.
inline Status CheckFinite(std::span<const float> values, const std::string& path,
                          std::string_view tensor) {
  const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return {};
  return Fail(ErrorCode::kCorrupt,
              fmt::format("{}: tensor {} is not finite at index {}", path, tensor,
                          std::distance(values.begin(), bad)),
              "restore the file");
}

// Lets go of the pages of a tensor that was read; nothing if the file is not mapped.
inline void DropTensorPages(const MappedFile& file, std::span<const uint8_t> bytes) {
  if (file.bytes().empty()) return;
  file.DropPages(static_cast<size_t>(bytes.data() - file.bytes().data()), bytes.size());
}

}  // namespace accllm
