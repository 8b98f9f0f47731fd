// XXH3-64, the hash of every section of a packed file.
#pragma once

#include <cstdint>
#include <span>

namespace accllm {

uint64_t Xxh3(std::span<const uint8_t> bytes);

}  // namespace accllm
