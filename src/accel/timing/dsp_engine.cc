#include "accel/timing/dsp_engine.h"

#include <algorithm>
#include <cmath>

namespace accllm::accel {
namespace {

constexpr double kBeatBits = 8.0 * isa::kBeatBytes;

int64_t SlotsOf(std::span<const SlotSpan> spans) {
  int64_t n = 0;
  for (const SlotSpan& span : spans) n += span.slots();
  return n;
}

}  // namespace

int64_t DspEngine::StripesOf(double bits) const {
  return static_cast<int64_t>(std::ceil(bits / (kBeatBits * static_cast<double>(e_.channels))));
}

void DspEngine::Visit(int64_t stripe, double bits, int64_t busy_cores, double macs,
                      const OnBeat& on_beat) const {
  const int64_t channels = e_.channels / e_.cores * busy_cores;
  const auto beats =
      static_cast<int64_t>(std::ceil(bits / (kBeatBits * static_cast<double>(channels))));
  const double of_core = e_.macs_per_cycle / static_cast<double>(e_.cores);
  // A channel gives a beat a cycle at most.
  const auto cycles = std::max(beats, static_cast<int64_t>(std::ceil(macs / of_core)));
  for (int64_t b = 0; b < beats; ++b) {
    on_beat({stripe + b, channels, cycles * (b + 1) / beats - cycles * b / beats, 1});
  }
}

double DspEngine::Padded(int64_t rows) const {
  return static_cast<double>(CeilDiv(rows, e_.rows_together) * e_.rows_together);
}

void DspEngine::Round(const isa::Instruction& linear, int64_t round, int64_t n_tokens,
                      const OnBeat& on_beat) const {
  const int64_t before = round * RowsOfRound();
  const int64_t rows = std::min(RowsOfRound(), int64_t{linear.rows} - before);
  const auto columns = static_cast<double>(int64_t{linear.blocks} * format::kBlockWeights);
  const double bits_of_row = columns * e_.weight_bits;
  Visit(linear.address + StripesOf(static_cast<double>(before) * bits_of_row),
        static_cast<double>(rows) * bits_of_row, CeilDiv(rows, e_.rows_together),
        static_cast<double>(e_.rows_together * n_tokens) * columns * e_.multiplied_share, on_beat);
}

void DspEngine::VisitHeads(int64_t base, int64_t head, int64_t slots, double macs,
                           const OnBeat& on_beat) const {
  const int64_t heads = std::min(e_.cores, int64_t{g_.kv_heads} - head);
  const double bits_of_head = static_cast<double>(slots) * g_.head_dim * e_.cached_bits;
  Visit(base + StripesOf(static_cast<double>(head) * bits_of_head),
        static_cast<double>(heads) * bits_of_head, heads, macs, on_beat);
}

void DspEngine::Keys(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
                     int64_t n_queries, const OnBeat& on_beat) const {
  const int64_t slots = SlotsOf(spans);
  VisitHeads(attend.keys, head, slots, Padded(slots) * g_.head_dim * static_cast<double>(n_queries),
             on_beat);
}

void DspEngine::Values(const isa::Instruction& attend, std::span<const SlotSpan> spans,
                       int64_t head, int64_t n_queries, const OnBeat& on_beat) const {
  const int64_t slots = SlotsOf(spans);
  VisitHeads(attend.values, head, slots,
             static_cast<double>(slots) * Padded(g_.head_dim) * static_cast<double>(n_queries),
             on_beat);
}

int64_t DspEngine::Stored(int64_t n_tokens) const {
  return n_tokens * StripesOf(1.0 * g_.kv_heads * g_.head_dim * e_.cached_bits);
}

}  // namespace accllm::accel
