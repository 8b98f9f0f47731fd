// The printable characters by which byte-level vocabularies spell the 256 bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace accllm {

// The bytes that `spelling` stands for; nothing if it holds any other character. Valid UTF-8 only.
std::optional<std::string> BytesOfSpelling(std::string_view spelling);

}  // namespace accllm
