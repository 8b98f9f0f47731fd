// This project's lanes: a channel each, in step; what a beat costs follows from its format.
#pragma once

#include "accel/timing/engine.h"

namespace accllm::accel {

class LaneEngine final : public Engine {
 public:
  LaneEngine(const isa::Geometry& geometry, int64_t cache_bits);

  int64_t channels() const override { return g_.lanes; }
  int64_t RowsOfRound() const override { return format::kTileRows * g_.lanes; }
  void Round(const isa::Instruction& linear, int64_t round, int64_t n_tokens,
             const OnBeat& on_beat) const override;
  void Keys(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
            int64_t n_queries, const OnBeat& on_beat) const override;
  void Values(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
              int64_t n_queries, const OnBeat& on_beat) const override;
  StoreBeats Stored(int64_t n_tokens) const override;

 private:
  // What a beat costs: cycles, and in each of them working slots.
  struct Cost {
    int64_t cycles;
    int64_t slots;
  };
  static constexpr Cost kNoProducts = {1, 0};

  Cost CostOf(isa::WeightFormat format, int64_t n_tokens) const;
  Cost CostOfCache(int64_t n_queries) const;
  void VisitCodes(int64_t base, int64_t stripe, Cost cost, const OnBeat& on_beat) const;

  isa::Geometry g_;
  CacheLayout cache_;
  int64_t cache_bits_;  // of a program 4; 8 and 16 are for estimates
};

}  // namespace accllm::accel
