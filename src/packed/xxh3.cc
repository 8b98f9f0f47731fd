#include "packed/xxh3.h"

#include <xxhash.h>

namespace accllm {

uint64_t Xxh3(std::span<const uint8_t> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace accllm
