// Texts as a model sees them that was trained with a token before each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accllm {

// `tokens` in windows of `window_tokens` (1: of 2), each of which starts with `bos`; the last may
// be shorter. window_tokens 0: all in one window. A negative `bos`: the tokens as they are.
std::vector<int32_t> BosWindows(std::span<const int32_t> tokens, int64_t window_tokens,
                                int64_t bos);

}  // namespace accllm
