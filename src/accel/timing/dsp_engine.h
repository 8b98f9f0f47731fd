// A published matrix engine of DSPs: so many products a cycle, so many bits a value, cores that
// share out rows and heads.
#pragma once

#include <span>

#include "accel/timing/engine_beat.h"

namespace accllm::accel {

class DspEngine {
 public:
  DspEngine(const isa::Geometry& geometry, const DspArray& array) : g_(geometry), e_(array) {}

  int64_t channels() const { return e_.channels; }
  // A matrix comes in rounds of so many rows, whose results leave together.
  int64_t RowsOfRound() const { return e_.cores * e_.rows_together; }
  void Round(const isa::Instruction& linear, int64_t round, int64_t n_tokens,
             const OnBeat& on_beat) const;
  // KV heads that attention works on at a time.
  int64_t HeadsTogether() const { return e_.cores; }
  // Of the heads from `head` on that are worked on together, for `n_queries` queries of each.
  void Keys(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
            int64_t n_queries, const OnBeat& on_beat) const;
  void Values(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
              int64_t n_queries, const OnBeat& on_beat) const;
  // Stripes of the keys, or of the values, of so many tokens.
  int64_t Stored(int64_t n_tokens) const;

 private:
  // `bits` from `stripe` on, over the channels of the busy cores, while each of these multiplies
  // `macs`.
  void Visit(int64_t stripe, double bits, int64_t busy_cores, double macs,
             const OnBeat& on_beat) const;
  // The keys or values of the heads from `head` on that are worked on together.
  void VisitHeads(int64_t base, int64_t head, int64_t slots, double macs,
                  const OnBeat& on_beat) const;
  int64_t StripesOf(double bits) const;
  // Rows that a core computes in whole groups.
  double Padded(int64_t rows) const;

  isa::Geometry g_;
  DspArray e_;
};

}  // namespace accllm::accel
