#include "base/bos_windows.h"

#include <algorithm>

#include "base/index.h"

namespace accllm {

std::vector<int32_t> BosWindows(std::span<const int32_t> tokens, int64_t window_tokens,
                                int64_t bos) {
  if (bos < 0) return {tokens.begin(), tokens.end()};
  const int64_t own =
      window_tokens == 0 ? std::ssize(tokens) : std::max<int64_t>(1, window_tokens - 1);
  std::vector<int32_t> windows;
  for (int64_t first = 0; first < std::ssize(tokens); first += own) {
    const auto part =
        tokens.subspan(Index(first), Index(std::min(own, std::ssize(tokens) - first)));
    windows.push_back(static_cast<int32_t>(bos));
    windows.insert(windows.end(), part.begin(), part.end());
  }
  return windows;
}

}  // namespace accllm
