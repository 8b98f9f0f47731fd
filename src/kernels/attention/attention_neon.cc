#include <arm_neon.h>

#include <cstring>
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/attention/head_group.h"
#include "kernels/exp2/exp2_neon.h"
#include "kernels/simd/lanes_neon.h"

namespace accllm::kernels {
namespace {

struct Simd {
  using Floats = float32x4_t;
  using Integers = uint64x2_t;
  static Floats Broadcast(float x) { return vdupq_n_f32(x); }
  static float Largest(Floats x) { return vmaxvq_f32(x); }
  static uint32_t LargestOf32(Integers x) { return vmaxvq_u32(vreinterpretq_u32_u64(x)); }
  static uint64_t SumOf64(Integers x) { return vaddvq_u64(x); }
};

inline uint8x16_t LowNibbles(uint8x16_t bytes) { return vandq_u8(bytes, vdupq_n_u8(0xF)); }
inline uint8x16_t HighNibbles(uint8x16_t bytes) { return vshrq_n_u8(bytes, 4); }

constexpr int kKeys = 4;  // one slot a lane of the scores

// 4 keys of a group of 32 dimensions.
struct KeyGroup {
  int8x16_t codes[kKeys][2];
  int32x4_t multipliers;  // by slot
  int32x4_t offsets;      // multiplier * zero, by slot
};

// One piece of 4 keys.
struct KeyPiece {
  KeyGroup low;
  KeyGroup high;
};

void UnpackKeys(const uint8_t* const* rows, int64_t offset, KeyPiece* piece) {
  for (int i = 0; i < kKeys; ++i) {
    for (int h = 0; h < 2; ++h) {
      const uint8x16_t bytes = vld1q_u8(rows[i] + offset + 16 * h);
      piece->low.codes[i][h] = vreinterpretq_s8_u8(LowNibbles(bytes));
      piece->high.codes[i][h] = vreinterpretq_s8_u8(HighNibbles(bytes));
    }
  }
}

// groups: the byte of each slot.
void UnpackGroups(const uint8_t* groups, KeyGroup* group) {
  const uint16x8_t words = vmovl_u8(vget_low_u8(vreinterpretq_u8_u32(BroadcastDword(groups))));
  const int32x4_t both = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words)));
  group->multipliers = vandq_s32(both, vdupq_n_s32(0xF));
  group->offsets = vmulq_s32(group->multipliers, vshrq_n_s32(both, 4));
}

constexpr int64_t kQuads = kAttentionChunk / 4;

// One piece of up to 32 values, interleaved: dword d of low[g][i] holds the codes that slots 4 g ..
// 4 g + 3 have for dimension 4 i + d of the piece.
struct ValuePiece {
  uint8x16_t low[kQuads][8];
  uint8x16_t high[kQuads][8];
};

void UnpackValues(const uint8_t* const* rows, int64_t offset, int64_t n_quads,
                  const uint8_t* /*low_groups*/, const uint8_t* /*high_groups*/,
                  ValuePiece* piece) {
  for (int64_t g = 0; g < n_quads; ++g) {
    uint8x16_t quads[8];
    for (int h = 0; h < 2; ++h) {
      uint8x16_t slots[4];
      for (int i = 0; i < 4; ++i) slots[i] = vld1q_u8(rows[4 * g + i] + offset + 16 * h);
      Interleave4(slots, quads + 4 * h);
    }
    for (int i = 0; i < 8; ++i) {
      piece->low[g][i] = LowNibbles(quads[i]);
      piece->high[g][i] = HighNibbles(quads[i]);
    }
  }
}

class Group : public HeadGroup<Simd> {
 public:
  static constexpr int64_t kKeySlots = kKeys;

  static constexpr int64_t kValueSlots = 4;
  using Values = ValuePiece;

  using HeadGroup::HeadGroup;

  static int64_t SumAt(int64_t k) { return k; }

  // Scores of slots [slot, slot + count), count <= 4; they go to weights[n].
  void ScoreKeys(const SlotRange& range, int64_t slot, int64_t count, int64_t n) {
    const uint8_t* rows[kKeys];
    FindRows<kKeys>(cache_.keys.codes, slot, count, rows);
    int32x4_t dots[kHeadsAtOnce][kKeys] = {};
    int32x4_t offsets[kHeadsAtOnce] = {};
    for (int64_t offset = 0; offset < row_bytes_; offset += kPieceBytes) {
      KeyPiece piece;
      UnpackKeys(rows, offset, &piece);
      const int64_t low = GroupAt(offset, false);
      const int64_t high = GroupAt(offset, true);
      UnpackGroups(GroupBytes<kKeys>(cache_.keys, low, slot, count).data(), &piece.low);
      UnpackGroups(GroupBytes<kKeys>(cache_.keys, high, slot, count).data(), &piece.high);
      for (int64_t i = 0; i < n_heads_; ++i) {
        const RotatedQuery& query = heads_[i].QueryFor(range);
        AddDots(piece.low, query.q + offset, dots[i]);
        AddDots(piece.high, query.q + offset + row_bytes_, dots[i]);
        offsets[i] = vmlaq_n_s32(offsets[i], piece.low.offsets, query.sums[low]);
        offsets[i] = vmlaq_n_s32(offsets[i], piece.high.offsets, query.sums[high]);
      }
    }
    const float32x4_t unseen = vdupq_n_f32(-std::numeric_limits<float>::infinity());
    const float32x4_t scales =
        LoadHalves(FirstValues<uint16_t, kKeys>(cache_.keys.scales + slot, count).data());
    for (int64_t i = 0; i < n_heads_; ++i) {
      const VisibleSlots seen = heads_[i].SeenOf(range, n, count);
      const uint32x4_t mask = vbicq_u32(FirstOf4(seen.end), FirstOf4(seen.begin));
      const int32x4_t* d = dots[i];
      const int32x4_t dot =
          vsubq_s32(vpaddq_s32(vpaddq_s32(d[0], d[1]), vpaddq_s32(d[2], d[3])), offsets[i]);
      const float32x4_t score =
          vmulq_f32(vcvtq_f32_s32(dot), vmulq_n_f32(scales, heads_[i].QueryFor(range).scale));
      // Lanes beyond the range are overwritten by the next one or lie in the scratch's margin.
      vst1q_f32(heads_[i].weights + n, vbslq_f32(mask, score, unseen));
      // This maximum returns its second operand when the first is NaN.
      float32x4_t& largest = heads_[i].largest_score;
      largest = vbslq_f32(mask, vmaxnmq_f32(score, largest), largest);
    }
  }

 private:
  friend HeadGroup;

  static constexpr int64_t kVectors = kAttentionChunk / 4;

  // Adds q.K of one group to the lanes of 4 slots.
  static void AddDots(const KeyGroup& keys, const int8_t* q, int32x4_t* dots /*[4]*/) {
    const int8x16_t first = vld1q_s8(q);
    const int8x16_t second = vld1q_s8(q + 16);
    const auto add = [&](int slot, int32x4_t dot, int32_t multiplier) {
      const int32x4_t products = vdotq_s32(vdupq_n_s32(0), keys.codes[slot][0], first);
      return vmlaq_n_s32(dot, vdotq_s32(products, keys.codes[slot][1], second), multiplier);
    };
    dots[0] = add(0, dots[0], vgetq_lane_s32(keys.multipliers, 0));
    dots[1] = add(1, dots[1], vgetq_lane_s32(keys.multipliers, 1));
    dots[2] = add(2, dots[2], vgetq_lane_s32(keys.multipliers, 2));
    dots[3] = add(3, dots[3], vgetq_lane_s32(keys.multipliers, 3));
  }

  // scales: [32], zeros beyond the chunk.
  static void Weigh(Head& head, const uint16_t* scales, int64_t count, int64_t n) {
    uint32x4_t max_bits = vreinterpretq_u32_u64(head.max_bits);
    for (int64_t i = 0; i < count; i += 4) {
      float* at = head.weights + n + i;
      const float32x4_t difference = vsubq_f32(head.largest_score, LoadFirst(at, count - i));
      const uint32x4_t p = vandq_u32(FirstOf4(count - i), Exp2NegQ30(Exp2ArgumentQ16(difference)));
      head.total = vpadalq_u32(head.total, p);
      const float32x4_t w = vmulq_f32(vcvtq_f32_u32(p), LoadHalves(scales + i));
      max_bits = vmaxq_u32(max_bits, AbsBits(w));
      StoreFirst(at, count - i, w);
    }
    head.max_bits = vreinterpretq_u64_u32(max_bits);
  }

  static void RoundWeights(const Head* heads, int64_t n_heads, int64_t count, int64_t n,
                           ChunkWeights* out) {
    for (int64_t i = 0; i < n_heads; ++i) RoundHead(heads[i], count, n, &out[i]);
  }

  static void RoundHead(const Head& head, int64_t count, int64_t n, ChunkWeights* out) {
    float32x4_t w[kVectors];
    uint32x4_t max_bits = vdupq_n_u32(0);
    for (int64_t v = 0; v < kVectors; ++v) {
      w[v] = LoadFirst(head.weights + n + 4 * v, count - 4 * v);
      max_bits = vmaxq_u32(max_bits, AbsBits(w[v]));
    }
    const uint32_t largest_bits = vmaxvq_u32(max_bits);
    float largest;
    std::memcpy(&largest, &largest_bits, sizeof(largest));
    out->factor = ChunkFactor(largest, head.inverse);
    if (out->factor == 0) return;
    const float inverse = kMaxSlotWeight / largest;
    for (int64_t v = 0; v < kVectors; ++v) {
      // What is negative becomes 0.
      const uint32x4_t rounded = vcvtnq_u32_f32(vmulq_n_f32(w[v], inverse));
      vst1_u16(reinterpret_cast<uint16_t*>(out->n + 4 * v), vmovn_u32(rounded));
    }
  }

  // groups: the byte of each slot, [32].
  static GroupLevels LevelsOf(const ChunkWeights& weights, const uint8_t* groups) {
    GroupLevels out;
    uint32x4_t zero_sums = vdupq_n_u32(0);
    for (int i = 0; i < kAttentionChunk; i += 16) {
      const uint8x16_t bytes = vld1q_u8(groups + i);
      const uint8x16_t multipliers = LowNibbles(bytes);
      const auto levels = [&weights](int first, uint16x8_t multiplier) {
        const uint16x8_t n = vreinterpretq_u16_s16(vld1q_s16(weights.n + first));
        return vshrn_n_u16(vmlaq_u16(vdupq_n_u16(1 << (kLevelShift - 1)), n, multiplier),
                           kLevelShift);
      };
      const uint8x16_t both = vcombine_u8(levels(i, vmovl_u8(vget_low_u8(multipliers))),
                                          levels(i + 8, vmovl_high_u8(multipliers)));
      vst1q_u8(out.levels + i, both);
      zero_sums = vdotq_u32(zero_sums, both, HighNibbles(bytes));
    }
    out.zero_sum = static_cast<int32_t>(vaddvq_u32(zero_sums));
    return out;
  }

  // Adds the values of one group to sums [32].
  static void AddValues(const uint8x16_t (*codes)[8] /*[n_quads]*/, int64_t n_quads,
                        const GroupLevels& group, int32_t factor, int64_t* sums) {
    uint32x4_t dwords[8];
    for (uint32x4_t& x : dwords) x = vdupq_n_u32(static_cast<uint32_t>(-group.zero_sum));
    for (int64_t g = 0; g < n_quads; ++g) {
      const uint8x16_t levels = vreinterpretq_u8_u32(BroadcastDword(group.levels + 4 * g));
      for (int i = 0; i < 8; ++i) dwords[i] = vdotq_u32(dwords[i], codes[g][i], levels);
    }
    for (int64_t i = 0; i < 8; ++i) {
      int64_t* at = sums + 4 * i;
      const int32x4_t sum = vreinterpretq_s32_u32(dwords[i]);
      vst1q_s64(at, vmlal_n_s32(vld1q_s64(at), vget_low_s32(sum), factor));
      vst1q_s64(at + 2, vmlal_high_n_s32(vld1q_s64(at + 2), sum, factor));
    }
  }
};

}  // namespace

void AttentionNeon(const KvHead& cache, const AttentionQuery& query,
                   std::span<const SlotRange> ranges, float* scratch, float* out) {
  AttendInGroups<Group>(cache, query, ranges, scratch, out);
}

}  // namespace accllm::kernels
