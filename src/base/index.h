// Sizes and offsets are signed in this project (they are subtracted); containers index with size_t.
#pragma once

#include <cstddef>
#include <cstdint>

namespace accllm {

// `i` must not be negative.
inline size_t Index(int64_t i) { return static_cast<size_t>(i); }

}  // namespace accllm
