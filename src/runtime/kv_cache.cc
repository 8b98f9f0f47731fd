#include "runtime/kv_cache.h"

#include <algorithm>

#include "base/block_codec.h"

namespace accllm {
namespace {

// Keeps every product below inside int64; far beyond any machine's memory.
constexpr int64_t kMaxSlots = int64_t{1} << 32;

}  // namespace

Result<KvCache> KvCache::Create(const ModelConfig& config, const Options& options) {
  const AttentionWindow& window = options.window;
  const bool is_full = window.window == AttentionWindow::kAll;
  if (window.n_sinks < 0 || window.window < 0 || window.n_sinks > kMaxSlots ||
      window.window > kMaxSlots || options.max_tokens > kMaxSlots) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("sinks {} and window {} are out of range", window.n_sinks, window.window),
        "use --sinks 4 --window 2044, or --window all");
  }
  if (is_full && options.max_tokens < 1) {
    return Fail(ErrorCode::kInvalidArgument, "full attention needs a maximum number of tokens",
                "give --context");
  }
  KvCache cache;
  cache.kernels_ = options.kernels;
  cache.window_ = window;
  cache.n_kv_heads_ = config.n_kv_heads;
  cache.head_dim_ = config.head_dim;
  cache.row_bytes_ = kernels::KvPaddedDim(config.head_dim) / 2;
  cache.sink_slots_ = RoundUp(window.n_sinks, kernels::kAttentionChunk);
  cache.max_tokens_ = options.max_tokens;
  cache.ring_slots_ = RoundUp(is_full ? options.max_tokens : window.window + options.chunk - 1,
                              kernels::kAttentionChunk);
  const int64_t rows = config.n_layers * config.n_kv_heads * cache.n_slots();
  const int64_t code_bytes = RoundUp(rows * cache.row_bytes_, format::kAlignment);
  const int64_t scale_bytes = RoundUp(rows * int64_t{sizeof(uint16_t)}, format::kAlignment);
  const int64_t group_bytes =
      RoundUp(rows * kernels::KvGroups(config.head_dim), format::kAlignment);
  const int64_t bytes = code_bytes + scale_bytes + group_bytes;
  ACCLLM_ASSIGN_OR_RETURN(cache.buffer_, HugeBuffer::Allocate(static_cast<size_t>(2 * bytes)));
  const auto rows_at = [&](uint8_t* data) {
    return Rows{data, reinterpret_cast<uint16_t*>(data + code_bytes),
                data + code_bytes + scale_bytes};
  };
  cache.keys_ = rows_at(cache.buffer_.data());
  cache.values_ = rows_at(cache.buffer_.data() + bytes);
  return cache;
}

int64_t KvCache::SlotOf(int64_t position) const {
  return position < window_.n_sinks ? position : sink_slots_ + position % ring_slots_;
}

kernels::KvRows KvCache::HeadOf(const Rows& rows, int64_t head) const {
  const int64_t row = head * n_slots();
  return {rows.codes + row * row_bytes_, rows.scales + row,
          rows.groups + row * kernels::KvGroups(head_dim_), n_slots()};
}

void KvCache::StoreIn(const Rows& rows, int64_t head, int64_t slot, const float* x) const {
  const int64_t row = head * n_slots() + slot;
  uint8_t* groups = rows.groups + head * kernels::KvGroups(head_dim_) * n_slots() + slot;
  kernels_.quantize_kv(x, head_dim_,
                       {rows.codes + row * row_bytes_, rows.scales + row, groups, n_slots()});
}

kernels::KvHead KvCache::Head(int64_t layer, int64_t kv_head) const {
  const int64_t head = layer * n_kv_heads_ + kv_head;
  return {HeadOf(keys_, head), HeadOf(values_, head)};
}

void KvCache::Store(int64_t layer, int64_t kv_head, int64_t position, const float* key,
                    const float* value) {
  const int64_t head = layer * n_kv_heads_ + kv_head;
  StoreIn(keys_, head, SlotOf(position), key);
  StoreIn(values_, head, SlotOf(position), value);
}

int64_t KvCache::FirstVisible(int64_t position) const {
  const bool is_full = window_.window == AttentionWindow::kAll;
  return std::max(window_.n_sinks, is_full ? 0 : position - window_.window + 1);
}

kernels::VisibleSlots KvCache::VisibleFrom(int64_t first, int64_t position) const {
  const int64_t origin = FirstVisible(first);
  return {FirstVisible(position) - origin, position + 1 - origin};
}

KvCache::Ranges KvCache::VisibleToAny(int64_t first_position, int64_t last_position) const {
  Ranges ranges;
  ranges.parts[ranges.n++] = {0, std::min(window_.n_sinks, last_position + 1), true};
  const int64_t first = FirstVisible(first_position);
  if (first > last_position) return ranges;
  const int64_t begin = SlotOf(first);
  const int64_t last = SlotOf(last_position);
  if (begin <= last) {
    ranges.parts[ranges.n++] = {begin, last + 1, false};
  } else {
    ranges.parts[ranges.n++] = {begin, n_slots(), false};
    ranges.parts[ranges.n++] = {sink_slots_, last + 1, false};
  }
  return ranges;
}

int64_t KvCache::SinkQueryPosition(int64_t position) const {
  if (window_.window == AttentionWindow::kAll) return position;
  return std::min(position, window_.n_sinks + window_.window - 1);
}

int64_t KvCache::max_visible() const { return n_slots(); }

int64_t KvCache::capacity() const {
  return window_.window == AttentionWindow::kAll ? max_tokens_ : INT64_MAX;
}

}  // namespace accllm
