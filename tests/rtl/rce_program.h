#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace accllm::rtl {

inline constexpr int kSegments = 8;
inline constexpr int kRows = 8;
inline constexpr int kBuses = 4;
inline constexpr int kKeyGroups = 4;

// As in rtl/pkg/rce_pkg.sv.
enum class RceMode : uint32_t { kSparse24, kDense2, kDense4, kDense8, kKey, kValue };
enum class RceKind : uint32_t { kNone, kData, kMultipliers, kUnload };

struct RceBeat {
  RceKind kind = RceKind::kNone;
  RceMode mode = RceMode::kSparse24;
  uint32_t half = 0;
  uint32_t beat = 0;
  uint32_t row = 0;
  uint32_t entry = 0;
  bool start = false;
  bool last = false;
  bool split = false;
  bool upper = false;

  // The bits of rce_pkg::beat_t.
  uint32_t Pack() const {
    uint32_t bits = static_cast<uint32_t>(kind);
    const auto append = [&](uint32_t value, int width) { bits = bits << width | value; };
    append(static_cast<uint32_t>(mode), 3);
    append(half, 1);
    append(beat, 2);
    append(row, 3);
    append(entry, 5);
    append(start, 1);
    append(last, 1);
    append(split, 1);
    append(upper, 1);
    return bits;
  }
};

// What enters a lane in one cycle.
struct RceStep {
  RceBeat beat;
  std::array<uint64_t, kSegments> words = {};
  std::array<int, kKeyGroups> key_multipliers = {};
  std::array<int, kKeyGroups> coefficients = {};
  std::vector<int> factors;  // [query]
  size_t needs = 0;          // operand writes that come before
};

// One write of operands: an entry of segments 0 to 3, 4 to 7 or of all.
struct RceWrite {
  int halves = 3;
  int entry = 0;
  std::vector<int8_t> operands;  // [bus][code][position][slot]
  std::vector<int> query_sums;   // [group][query]
  size_t after = 0;              // steps that must have passed, all they may use read
};

struct RceProgram {
  std::vector<RceStep> steps;
  std::vector<RceWrite> writes;
};

// What comes out.
struct RceResults {
  std::vector<std::vector<uint32_t>> tiles;     // [tile][slot * 8 + row]
  std::vector<std::vector<int64_t>> keys;       // [step][query]
  std::vector<std::vector<int64_t>> key_lower;  // the same, of split beats
  std::vector<std::vector<int64_t>> values;     // [head * 4 + dimension][query]
};

}  // namespace accllm::rtl
