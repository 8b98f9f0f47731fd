// The compiled normalisation rules inside a sentencepiece model.
//
// Layout: u32 little-endian trie size in bytes, the trie (a Darts-clone double array of u32 units),
// then the replacement texts, each ended by NUL. A leaf's value is an offset into the replacements.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace accllm {

// Proves that no lookup, whatever its key, reads outside the trie or the replacements, loops, or
// yields more matches than sentencepiece has room for: it checks none of this itself.
// Errors: kCorrupt, starting with `where`.
Status CheckCharsMap(std::span<const uint8_t> blob, const std::string& where);

// The rules of a checked blob; of an empty one, none.
class CharsMap {
 public:
  struct Match {
    size_t length = 0;  // bytes of text that the longest rule replaces; 0: none applies
    std::string_view replacement;
  };

  CharsMap() = default;
  explicit CharsMap(std::string_view blob);

  // What becomes of the start of `text`. The match must not outlive the map.
  Match Longest(std::string_view text) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace accllm
