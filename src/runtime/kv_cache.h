// The 4-bit KV cache of Λ-shaped attention: sink slots that never move and a ring of the last
// tokens.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/huge_buffer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "kernels/attention/attention.h"
#include "kernels/heads/heads.h"

namespace accllm {

class KvCache {
 public:
  struct Options {
    AttentionWindow window;
    // Tokens written before they are attended to, at most: the ring holds that many more.
    int64_t chunk = 1;
    // For full attention: the most tokens the cache holds.
    int64_t max_tokens = 0;
    kernels::HeadKernels kernels = {};
  };

  // The slots a token sees: sinks, then the ring in one or two parts.
  struct Ranges {
    std::array<kernels::SlotRange, 3> parts;
    size_t n = 0;
    std::span<const kernels::SlotRange> view() const { return {parts.data(), n}; }
  };

  // Memory is fixed here. Errors: kInvalidArgument, kOutOfMemory.
  static Result<KvCache> Create(const ModelConfig& config, const Options& options);

  // The cache of one layer and KV head, for reading.
  kernels::KvHead Head(int64_t layer, int64_t kv_head) const;

  // Quantises and stores key and value of the token at `position`: [head_dim] each.
  void Store(int64_t layer, int64_t kv_head, int64_t position, const float* key,
             const float* value);

  // What the token at `position` sees; all of it must have been stored, and nothing from
  // position + chunk on.
  Ranges VisibleTo(int64_t position) const { return VisibleToAny(position, position); }

  // What any of the tokens at [first, last], last - first < chunk, sees.
  Ranges VisibleToAny(int64_t first, int64_t last) const;

  // Which of the slots of VisibleToAny(first, ..) that are not sinks the token at `position` sees,
  // if all sinks come before `first`.
  kernels::VisibleSlots VisibleFrom(int64_t first, int64_t position) const;

  // Where the query of a token must be rotated to meet the sinks (see AttentionWindow).
  int64_t SinkQueryPosition(int64_t position) const;

  // The most slots that tokens of a chunk see together.
  int64_t max_visible() const;

  // Tokens the cache can ever hold: INT64_MAX with a window.
  int64_t capacity() const;

  int64_t bytes() const { return static_cast<int64_t>(buffer_.size()); }

 private:
  // Of keys or of values.
  struct Rows {
    uint8_t* codes = nullptr;    // [n_layers, n_kv_heads, n_slots, row_bytes] packed int4
    uint16_t* scales = nullptr;  // [n_layers, n_kv_heads, n_slots] binary16
    uint8_t* groups = nullptr;   // [n_layers, n_kv_heads, n_groups, n_slots]
  };

  kernels::KvRows HeadOf(const Rows& rows, int64_t head) const;
  void StoreIn(const Rows& rows, int64_t head, int64_t slot, const float* x) const;
  int64_t SlotOf(int64_t position) const;
  // The first position beyond the sinks that the token at `position` sees.
  int64_t FirstVisible(int64_t position) const;
  int64_t n_slots() const { return sink_slots_ + ring_slots_; }

  kernels::HeadKernels kernels_;
  AttentionWindow window_;
  int64_t n_kv_heads_ = 0;
  int64_t head_dim_ = 0;
  int64_t row_bytes_ = 0;
  int64_t sink_slots_ = 0;  // n_sinks rounded up to whole attention chunks
  int64_t ring_slots_ = 0;  // a multiple of the attention chunk
  int64_t max_tokens_ = 0;
  HugeBuffer buffer_;
  Rows keys_;
  Rows values_;
};

}  // namespace accllm
