// Structures of rtl/pkg/ctrl_pkg.sv as the signals of models.
#pragma once

#include <array>
#include <cstdint>

#include "accel/program/layout.h"
#include "accel/rtl/field.h"

namespace accllm::rtl {

inline constexpr int kPlaces = 8;  // isa::Vector, then these
inline constexpr int kPlaceScratch = 6;
inline constexpr int kPlaceOutput = 7;

// ctrl_pkg::shape_t, by place.
struct CtrlShape {
  std::array<int64_t, kPlaces> sizes = {};
  std::array<int64_t, kPlaces> rounds = {};
  std::array<int64_t, kPlaces> blocks = {};
  std::array<int64_t, kPlaces> bases = {};

  bool operator==(const CtrlShape&) const = default;

  template <class Signal>
  static CtrlShape From(const Signal& signal) {
    CtrlShape shape;
    for (int i = 0; i < kPlaces; ++i) {
      shape.bases[i] = static_cast<int64_t>(Field(signal, 12 * i, 12));
      shape.blocks[i] = static_cast<int64_t>(Field(signal, 96 + 8 * i, 8));
      shape.rounds[i] = static_cast<int64_t>(Field(signal, 160 + 23 * i, 23));
      shape.sizes[i] = static_cast<int64_t>(Field(signal, 344 + 27 * i, 27));
    }
    return shape;
  }
  template <class Signal>
  void To(Signal& signal) const {
    for (int i = 0; i < kPlaces; ++i) {
      SetField(signal, 12 * i, 12, bases[i]);
      SetField(signal, 96 + 8 * i, 8, blocks[i]);
      SetField(signal, 160 + 23 * i, 23, rounds[i]);
      SetField(signal, 344 + 27 * i, 27, sizes[i]);
    }
  }

  // What a geometry means; homes one behind the other.
  static CtrlShape Of(const isa::Geometry& g) {
    CtrlShape shape;
    int64_t base = 0;
    for (int i = 0; i < kPlaces; ++i) {
      int64_t size = accel::VectorSize(g, i);
      if (i == kPlaceScratch) size = g.hidden;
      if (i == kPlaceOutput) size = g.vocab;
      shape.sizes[i] = size;
      shape.rounds[i] = accel::CeilDiv(size, 8 * int64_t{g.lanes});
      shape.blocks[i] = accel::CeilDiv(size, 256);
      shape.bases[i] = base;
      if (i != kPlaceOutput) base += shape.rounds[i];
    }
    return shape;
  }
  // Units of a bank that the vectors take.
  int64_t units() const { return bases[kPlaceOutput]; }
};

// ctrl_pkg::step_t.
struct CtrlStep {
  uint32_t index = 0, opcode = 0, format = 0, epilogue = 0, place = 0, buffer = 0, has_bias = 0;
  uint32_t blocks = 0, address = 0, parameter = 0;

  bool operator==(const CtrlStep&) const = default;

  template <class Visit>
  void Fields(Visit visit) {
    visit(parameter, 0, 32);
    visit(address, 32, 32);
    visit(blocks, 64, 8);
    visit(has_bias, 72, 1);
    visit(buffer, 73, 1);
    visit(place, 74, 3);
    visit(epilogue, 77, 2);
    visit(format, 79, 2);
    visit(opcode, 81, 3);
    visit(index, 84, 10);
  }
  template <class Signal>
  static CtrlStep From(const Signal& signal) {
    CtrlStep step;
    step.Fields([&](uint32_t& field, int lsb, int width) {
      field = static_cast<uint32_t>(Field(signal, lsb, width));
    });
    return step;
  }
  template <class Signal>
  void To(Signal& signal) {
    Fields([&](uint32_t& field, int lsb, int width) { SetField(signal, lsb, width, field); });
  }
};

// ctrl_pkg::cache_t.
struct CtrlCache {
  bool fits = false;
  bool split = false;
  int64_t heads = 0, ratio = 0, queries = 0, folds = 0, sets = 0;
  int64_t sink_slots = 0, ring_slots = 0, end_slot = 0, all_chunks = 0;
  int64_t key_stripes = 0, value_stripes = 0;
  int64_t chunks = 0, rows = 0, sink_rows = 0, scores = 0, blocks = 0, factors = 0;

  bool operator==(const CtrlCache&) const = default;

  template <class Signal>
  static CtrlCache From(const Signal& signal) {
    CtrlCache cache;
    int lsb = 0;
    const auto take = [&](int width) {
      lsb += width;
      return static_cast<int64_t>(Field(signal, lsb - width, width));
    };
    for (int64_t* field : {&cache.factors, &cache.blocks, &cache.scores, &cache.sink_rows,
                           &cache.rows, &cache.chunks}) {
      *field = take(12);
    }
    for (int64_t* field : {&cache.value_stripes, &cache.key_stripes}) *field = take(32);
    for (int64_t* field :
         {&cache.all_chunks, &cache.end_slot, &cache.ring_slots, &cache.sink_slots}) {
      *field = take(22);
    }
    cache.sets = take(5);
    cache.folds = take(3);
    cache.queries = take(5);
    cache.ratio = take(5);
    cache.heads = take(13);
    cache.split = take(1) != 0;
    cache.fits = take(1) != 0;
    return cache;
  }
};

}  // namespace accllm::rtl
