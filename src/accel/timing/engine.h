// What streams into a machine's matrix engine for an instruction, and what each beat costs it: the
// side of a machine that the cycle model runs against the memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "accel/program/layout.h"
#include "accel/timing/machine_timing.h"

namespace accllm::accel {

// 64 bytes of each of the first `channels` memory channels, taken together.
struct EngineBeat {
  int64_t stripe = 0;
  int64_t channels = 0;
  int64_t cycles = 0;  // that the engine works on it
  int64_t slots = 0;   // that work in each of them
};
using OnBeat = std::function<void(const EngineBeat& beat)>;

// Slots of the cache in whole chunks.
struct SlotSpan {
  int64_t first;
  int64_t last;  // itself included

  int64_t slots() const { return last - first + 1; }
};

// Beats of every channel that storing a pass's keys and values writes, or reads and writes back.
struct StoreBeats {
  int64_t keys_written = 0;
  int64_t values_updated = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual int64_t channels() const = 0;

  // A matrix comes in rounds of so many rows, whose results leave together.
  virtual int64_t RowsOfRound() const = 0;
  virtual void Round(const isa::Instruction& linear, int64_t round, int64_t n_tokens,
                     const OnBeat& on_beat) const = 0;

  // KV heads that attention works on at a time.
  virtual int64_t HeadsTogether() const { return 1; }
  // Of the heads from `head` on that are worked on together, for `n_queries` queries of each.
  virtual void Keys(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
                    int64_t n_queries, const OnBeat& on_beat) const = 0;
  virtual void Values(const isa::Instruction& attend, std::span<const SlotSpan> spans, int64_t head,
                      int64_t n_queries, const OnBeat& on_beat) const = 0;

  virtual StoreBeats Stored(int64_t n_tokens) const = 0;
};

// This project's lanes, or the published engine that `timing` describes.
std::unique_ptr<Engine> MakeEngine(const isa::Geometry& geometry, const MachineTiming& timing);

}  // namespace accllm::accel
