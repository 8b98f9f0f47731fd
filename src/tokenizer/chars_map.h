// The compiled normalisation rules inside a sentencepiece model.
//
// Layout: u32 little-endian trie size in bytes, the trie (a Darts-clone double array of u32 units),
// then the replacement texts, each ended by NUL. A leaf's value is an offset into the replacements.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace accllm {

// Proves that no lookup, whatever its key, reads outside the trie or the replacements, loops, or
// yields more matches than sentencepiece has room for: it checks none of this itself.
// Errors: kCorrupt, starting with `where`.
Status CheckCharsMap(std::span<const uint8_t> blob, const std::string& where);

}  // namespace accllm
