#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace accllm::rtl {

inline constexpr int kAttentionGroups = 4;

// What a query sees, and what its scores are multiplied by: bits of binary32.
struct AttentionQueryOf {
  int sinks = 0;
  int first_slot = 0;
  int count = 0;
  uint32_t sink_factor = 0;
  uint32_t window_factor = 0;
};

// A token of the cache: its record, and its products with all queries.
struct AttentionToken {
  int slot = 0;
  int chunk = 0;  // of those of the head that are read
  uint16_t key_scale = 0;
  uint16_t value_scale = 0;
  std::array<uint8_t, kAttentionGroups> key_groups = {};  // with two tokens a beat: 2 of them
  std::array<uint8_t, kAttentionGroups> value_groups = {};
  std::vector<int> products;  // [query]
};

// The cache, and a head that is read: rows of a beat a lane, of one token or two.
struct AttentionHead {
  bool split = false;
  int sink_slots = 0;
  int ring_slots = 0;
  std::vector<AttentionQueryOf> queries;
  std::vector<int> row_slots;          // [row] of the first lane's first token
  std::vector<int> offsets;            // [lane] of its slot from there
  std::vector<AttentionToken> tokens;  // [row][lane][token of the beat]
  int n_chunks = 0;

  int per_beat() const { return split ? 2 : 1; }
};

// What docs/numerics.md makes of it, for each query.
struct AttentionResult {
  uint32_t out_scale = 0;
  std::array<int64_t, kAttentionGroups> zero_sums = {};
  std::vector<int> factors;                               // [chunk]
  std::vector<std::array<int, kAttentionGroups>> levels;  // [token of the head]
};

struct AttentionShape {
  int lanes = 2;
  int head_queries = 2;
  bool split = false;
  bool specials = false;  // numbers that are not finite, subnormal or 0
  int most_chunks = 4;
};

AttentionHead MakeAttentionHead(const AttentionShape& shape, uint32_t seed);
std::vector<AttentionResult> ReferenceAttention(const AttentionHead& head);

// Rows of a lane that have a chunk.
inline int RowsOfChunk(int lanes, bool split) {
  const int rows = 32 / (split ? 2 * lanes : lanes);
  return rows > 0 ? rows : 1;
}

}  // namespace accllm::rtl
