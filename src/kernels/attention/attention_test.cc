#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/fp16.h"
#include "kernels/kernel_table.h"
#include "kernels/kv4/kv_list.h"
#include "kernels/quantize/quantize.h"
#include "kernels/testing/test_data.h"

namespace accllm::kernels {
namespace {

using testing::FirstDifference;
using testing::Random;
using testing::SupportedIsas;

// A cache and queries quantised from random vectors.
struct TestCase {
  int64_t head_dim = 0;
  int64_t padded_dim = 0;
  int64_t n_slots = 0;
  std::vector<uint8_t> keys;
  std::vector<uint8_t> values;
  std::vector<uint16_t> key_scales;
  std::vector<uint16_t> value_scales;
  std::vector<uint8_t> key_groups;
  std::vector<uint8_t> value_groups;
  std::vector<int8_t> window;  // [n_heads, padded_dim]
  std::vector<int8_t> sink;
  std::vector<int32_t> window_sums;  // [n_heads, padded_dim / 32]
  std::vector<int32_t> sink_sums;
  std::vector<float> window_scale;
  std::vector<float> sink_scale;

  KvRows key_rows() const { return {keys.data(), key_scales.data(), key_groups.data(), n_slots}; }
  KvRows value_rows() const {
    return {values.data(), value_scales.data(), value_groups.data(), n_slots};
  }
  KvHead cache() const { return {key_rows(), value_rows()}; }
  AttentionQuery query() const {
    return {static_cast<int64_t>(window_scale.size()),
            head_dim,
            {window.data(), window_scale.data(), window_sums.data()},
            {sink.data(), sink_scale.data(), sink_sums.data()}};
  }
};

std::vector<int32_t> SumGroups(const std::vector<int8_t>& q) {
  std::vector<int32_t> sums(q.size() / kKvGroup);
  for (size_t i = 0; i < q.size(); ++i) sums[i / kKvGroup] += q[i];
  return sums;
}

void AddQueries(Random& random, int64_t n_heads, float sigma, const TestCase& test,
                std::vector<int8_t>* q, std::vector<float>* scales, std::vector<int32_t>* sums) {
  q->resize(static_cast<size_t>(n_heads * test.padded_dim));
  scales->resize(static_cast<size_t>(n_heads));
  for (int64_t head = 0; head < n_heads; ++head) {
    QuantizeQuery(random.Floats(test.head_dim, sigma).data(), test.head_dim, test.padded_dim,
                  q->data() + head * test.padded_dim, scales->data() + head);
  }
  *sums = SumGroups(*q);
}

void AddRows(Random& random, int64_t head_dim, int64_t n_slots, std::vector<uint8_t>* codes,
             std::vector<uint16_t>* scales, std::vector<uint8_t>* groups) {
  KvList list(head_dim);
  for (int64_t slot = 0; slot < n_slots; ++slot) list.Append(random.Floats(head_dim).data());
  const KvRows rows = list.rows();
  codes->assign(rows.codes, rows.codes + n_slots * KvPaddedDim(head_dim) / 2);
  scales->assign(rows.scales, rows.scales + n_slots);
  groups->assign(rows.groups, rows.groups + n_slots * KvGroups(head_dim));
}

// sigma: of the queries; large ones make the softmax sharp.
TestCase MakeCase(Random& random, int64_t head_dim, int64_t n_heads, int64_t n_slots,
                  float sigma = 1.0F) {
  TestCase test;
  test.head_dim = head_dim;
  test.padded_dim = KvPaddedDim(head_dim);
  test.n_slots = n_slots;
  AddRows(random, head_dim, n_slots, &test.keys, &test.key_scales, &test.key_groups);
  AddRows(random, head_dim, n_slots, &test.values, &test.value_scales, &test.value_groups);
  AddQueries(random, n_heads, sigma, test, &test.window, &test.window_scale, &test.window_sums);
  AddQueries(random, n_heads, sigma, test, &test.sink, &test.sink_scale, &test.sink_sums);
  return test;
}

int64_t SlotsOf(const std::vector<SlotRange>& ranges) {
  int64_t n = 0;
  for (const SlotRange& range : ranges) n += range.end - range.begin;
  return n;
}

std::vector<float> RunAttention(Attention kernel, const TestCase& test,
                                const std::vector<SlotRange>& ranges,
                                const std::vector<VisibleSlots>& visible = {}) {
  AttentionQuery query = test.query();
  if (!visible.empty()) query.visible = visible.data();
  const int64_t n_scratch = AttentionScratchFloats(SlotsOf(ranges), query.n_heads, test.head_dim);
  std::vector<float> scratch(static_cast<size_t>(n_scratch + 1), std::nanf(""));
  std::vector<float> out(static_cast<size_t>(query.n_heads * test.head_dim + 1), 99.0F);
  scratch.back() = 99.0F;
  kernel(test.cache(), query, ranges, scratch.data(), out.data());
  EXPECT_EQ(scratch.back(), 99.0F);
  EXPECT_EQ(out.back(), 99.0F);
  out.pop_back();
  return out;
}

double Decoded(const KvRows& rows, int64_t padded_dim, int64_t slot, int64_t dim) {
  return static_cast<double>(HalfToFloat(rows.scales[slot])) * KvLevel(rows, padded_dim, slot, dim);
}

// Softmax attention of one head over the decoded cache, in double precision.
struct Expected {
  std::vector<double> out;        // [head_dim]
  std::vector<double> tolerance;  // what rounding the weights of a chunk may change
};

// What rounding a softmax weight to a level may change: half a level, half a step of the weight
// before its multiplier, and half a step of the chunk's factor, times the code.
double LevelRounding(const TestCase& test, int64_t slot, int64_t dim, double largest_weight) {
  const uint8_t group =
      test.value_groups[static_cast<size_t>(dim / kKvGroup * test.n_slots + slot)];
  const int code = KvCode(test.values.data() + slot * test.padded_dim / 2, test.padded_dim, dim);
  const double unit = largest_weight / kMaxSlotWeight;
  const double factor_step = 127.0 * 256.0 / kMaxChunkFactor;
  return std::abs(code - KvZero(group)) * unit *
         (128.0 + 0.5 * KvMultiplier(group) + 0.5 * factor_step);
}

Expected ExpectedHead(const TestCase& test, const std::vector<SlotRange>& ranges, int64_t head) {
  std::vector<int64_t> slots;
  std::vector<double> scores;
  for (const SlotRange& range : ranges) {
    const std::vector<int8_t>& q = range.is_sink ? test.sink : test.window;
    const std::vector<float>& q_scale = range.is_sink ? test.sink_scale : test.window_scale;
    for (int64_t slot = range.begin; slot < range.end; ++slot) {
      double dot = 0.0;
      for (int64_t i = 0; i < test.head_dim; ++i) {
        dot += q[static_cast<size_t>(head * test.padded_dim + i)] *
               Decoded(test.key_rows(), test.padded_dim, slot, i);
      }
      slots.push_back(slot);
      scores.push_back(dot * q_scale[static_cast<size_t>(head)] /
                       std::sqrt(static_cast<double>(test.head_dim)) /
                       static_cast<double>(HadamardSize(test.head_dim)));
    }
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double total = 0.0;
  double largest_weight = 0.0;
  for (size_t n = 0; n < slots.size(); ++n) {
    scores[n] = std::exp(scores[n] - largest);
    total += scores[n];
    const double scale = HalfToFloat(test.value_scales[static_cast<size_t>(slots[n])]);
    largest_weight = std::max(largest_weight, scores[n] * scale);
  }
  Expected expected;
  for (int64_t dim = 0; dim < test.head_dim; ++dim) {
    double sum = 0.0;
    double magnitude = 0.0;
    double rounding = 0.0;
    for (size_t n = 0; n < slots.size(); ++n) {
      const double value = Decoded(test.value_rows(), test.padded_dim, slots[n], dim);
      sum += scores[n] * value;
      magnitude += scores[n] * std::abs(value);
      rounding += LevelRounding(test, slots[n], dim, largest_weight);
    }
    expected.out.push_back(sum / total);
    expected.tolerance.push_back((rounding + 5e-4 * magnitude) / total + 1e-5);
  }
  return expected;
}

TEST(Attention, ScalarIsCloseToDoublePrecision) {
  Random random(1);
  const std::vector<std::vector<SlotRange>> lists = {
      {{0, 1}}, {{0, 100}}, {{0, 4, true}, {4, 132}}, {{0, 4, true}, {90, 200}, {4, 70}}};
  for (const int64_t head_dim : {2, 48, 64, 128}) {
    for (const std::vector<SlotRange>& ranges : lists) {
      const TestCase test = MakeCase(random, head_dim, 2, 200, 2.0F);
      const std::vector<float> out = RunAttention(AttentionScalar, test, ranges);
      for (int64_t head = 0; head < 2; ++head) {
        const Expected expected = ExpectedHead(test, ranges, head);
        for (int64_t i = 0; i < head_dim; ++i) {
          const auto at = static_cast<size_t>(i);
          ASSERT_NEAR(out[static_cast<size_t>(head * head_dim + i)], expected.out[at],
                      expected.tolerance[at])
              << head_dim << " " << SlotsOf(ranges) << " " << head << " " << i;
        }
      }
    }
  }
}

TEST(Attention, OneSlotGivesItsValue) {
  Random random(2);
  const TestCase test = MakeCase(random, 64, 1, 40);
  const std::vector<float> out = RunAttention(AttentionScalar, test, {{33, 34}});
  for (int64_t i = 0; i < 64; ++i) {
    // Its weight is 2167, then a level of 7 bits.
    const double value = Decoded(test.value_rows(), test.padded_dim, 33, i);
    EXPECT_NEAR(out[static_cast<size_t>(i)], value,
                LevelRounding(test, 33, i, HalfToFloat(test.value_scales[33])) + 1e-6);
  }
}

// Queries of zeros, so that every slot has the same p. Values have the same codes and group bytes
// everywhere, and a scale that halves from chunk to chunk and starts anew after 18.
TestCase HalvingCase(int64_t n_chunks, uint8_t codes, uint8_t group) {
  Random random(9);
  TestCase test = MakeCase(random, 64, 1, 1, 0.0F);
  const auto n = static_cast<size_t>(n_chunks * kAttentionChunk);
  test.n_slots = n_chunks * kAttentionChunk;
  test.keys.resize(32 * n);
  test.key_scales.resize(n);
  test.key_groups.resize(2 * n);
  test.values.assign(32 * n, codes);
  test.value_groups.assign(2 * n, group);
  test.value_scales.resize(n);
  for (size_t slot = 0; slot < n; ++slot) {
    const auto chunk = static_cast<int>(slot) / static_cast<int>(kAttentionChunk);
    test.value_scales[slot] = FloatToHalf(std::ldexp(1.0F, -(chunk % 18)));
  }
  return test;
}

// Every level is 127 here, every product with a code the largest there is. The maxima of chunks
// differ up to 131,072-fold: the factors of the last two of 18 are 0. The sums of 1,500 take 39
// bits.
TEST(Attention, EveryIsaAddsChunksExactly) {
  for (const int64_t n_chunks : {1, 2, 18, 1500}) {
    int64_t factors = 0;
    for (int64_t c = 0; c < n_chunks; ++c) {
      factors += std::lrint(std::ldexp(32767.0, static_cast<int>(-(c % 18))));
    }
    const float scale =
        (0x1p30F * 0x1.e3e604p-19F) * (1.0F / (0x1p30F * static_cast<float>(32 * n_chunks)));
    for (const int sign : {1, -1}) {
      const TestCase test = sign > 0 ? HalvingCase(n_chunks, 0xFF, 0x0F)  // 15 and zero 0
                                     : HalvingCase(n_chunks, 0x00, 0xFF);
      const float expected = static_cast<float>(sign * factors * (32 * 127 * 15)) * scale;
      for (const Isa isa : SupportedIsas()) {
        EXPECT_EQ(RunAttention(KernelsFor(isa).attention, test, {{0, test.n_slots}}),
                  std::vector<float>(64, expected))
            << IsaName(isa) << " " << n_chunks << " " << sign;
      }
    }
  }
}

// Sums of integers do not depend on their order.
TEST(Attention, OrderOfChunksChangesNothing) {
  Random random(10);
  const TestCase test = MakeCase(random, 64, 3, 40 * kAttentionChunk, 4.0F);
  std::vector<SlotRange> chunks;
  for (int64_t end = test.n_slots; end > 0; end -= kAttentionChunk) {
    chunks.push_back({end - kAttentionChunk, end});
  }
  for (const Isa isa : SupportedIsas()) {
    const Attention kernel = KernelsFor(isa).attention;
    const std::vector<float> expected = RunAttention(kernel, test, {{0, test.n_slots}});
    EXPECT_EQ(FirstDifference(RunAttention(kernel, test, chunks), expected), -1) << IsaName(isa);
  }
}

// Far from the peak too, where a slot's p is 0.
TEST(Attention, WhatIsNotFiniteGivesNan) {
  Random random(11);
  for (const uint16_t special : {0x7E00, 0x7C00}) {
    for (const int64_t slot : {0, 31, 45, 99}) {
      TestCase test = MakeCase(random, 64, 2, 100, 100.0F);
      test.value_scales[static_cast<size_t>(slot)] = special;
      for (const float x : RunAttention(AttentionScalar, test, {{0, 100}})) {
        EXPECT_TRUE(std::isnan(x)) << special << " " << slot << " " << x;
      }
    }
  }
  const TestCase test = MakeCase(random, 64, 2, 100);
  for (const float x : RunAttention(AttentionScalar, test, {})) EXPECT_TRUE(std::isnan(x));
}

TEST(Attention, ValuesOfZeroGiveZero) {
  Random random(12);
  TestCase test = MakeCase(random, 64, 2, 100);
  std::fill(test.value_scales.begin(), test.value_scales.end(), uint16_t{0});
  EXPECT_EQ(RunAttention(AttentionScalar, test, {{0, 100}}), std::vector<float>(128, 0.0F));
}

void ExpectEqualOnAllIsas(const TestCase& test, const std::vector<SlotRange>& ranges) {
  const std::vector<float> expected = RunAttention(AttentionScalar, test, ranges);
  for (const Isa isa : SupportedIsas()) {
    EXPECT_EQ(FirstDifference(RunAttention(KernelsFor(isa).attention, test, ranges), expected), -1)
        << IsaName(isa) << " head_dim " << test.head_dim << " heads " << test.window_scale.size()
        << " slots " << SlotsOf(ranges);
  }
}

TEST(Attention, EveryIsaEqualsScalarForAnyShape) {
  Random random(3);
  for (const int64_t head_dim : {2, 30, 32, 34, 48, 64, 66, 80, 96, 128, 130, 192, 256, 320}) {
    for (const int64_t n_heads :
         {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, int64_t{7}, int64_t{8}, int64_t{9},
          kHeadsAtOnce, kHeadsAtOnce + 1, 2 * kHeadsAtOnce + 3}) {
      const TestCase test = MakeCase(random, head_dim, n_heads, 75, 3.0F);
      ExpectEqualOnAllIsas(test, {{0, 4, true}, {4, 75}});
    }
  }
}

TEST(Attention, EveryIsaEqualsScalarForAnyRanges) {
  Random random(4);
  const TestCase test = MakeCase(random, 64, 2, 300, 4.0F);
  for (int64_t begin = 0; begin < 40; ++begin) {
    for (const int64_t count : {0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 100}) {
      ExpectEqualOnAllIsas(test, {{begin, begin + count}});
    }
  }
  ExpectEqualOnAllIsas(test, {});
  ExpectEqualOnAllIsas(test, {{0, 0, true}, {7, 7}});
  ExpectEqualOnAllIsas(test, {{0, 5, true}, {5, 5}, {299, 300}});
  ExpectEqualOnAllIsas(test, {{0, 5, true}, {211, 300}, {5, 190}});  // a ring that wrapped
}

// Of the ranges: sinks, and what `visible` names of the rest.
std::vector<SlotRange> Cut(const std::vector<SlotRange>& ranges, const VisibleSlots& visible) {
  std::vector<SlotRange> cut;
  int64_t n = 0;
  for (const SlotRange& range : ranges) {
    if (range.is_sink) {
      cut.push_back(range);
      continue;
    }
    const int64_t size = range.end - range.begin;
    const int64_t begin = std::clamp<int64_t>(visible.begin - n, 0, size);
    const int64_t end = std::clamp<int64_t>(visible.end - n, 0, size);
    cut.push_back({range.begin + begin, range.begin + end});
    n += size;
  }
  return cut;
}

// As if the other slots were not there, whichever heads run beside it.
TEST(Attention, AHeadSeesWhatItMay) {
  constexpr int64_t kHeads = kHeadsAtOnce + 3;
  Random random(13);
  const TestCase test = MakeCase(random, 64, kHeads, 300, 4.0F);
  const std::vector<std::vector<SlotRange>> lists = {
      {{0, 5, true}, {211, 300}, {5, 190}}, {{0, 4, true}, {4, 90}}, {{0, 0, true}, {31, 100}}};
  for (const std::vector<SlotRange>& ranges : lists) {
    const int64_t n = SlotsOf(ranges) - ranges[0].end;
    for (int i = 0; i < 20; ++i) {
      std::vector<VisibleSlots> visible;
      for (int64_t head = 0; head < kHeads; ++head) {
        const int64_t end = random.Integer(1, n);
        visible.push_back({random.Integer(0, end - 1), end});
      }
      for (const Isa isa : SupportedIsas()) {
        const std::vector<float> out =
            RunAttention(KernelsFor(isa).attention, test, ranges, visible);
        for (size_t head = 0; head < kHeads; ++head) {
          const std::vector<float> alone =
              RunAttention(AttentionScalar, test, Cut(ranges, visible[head]));
          const auto at = static_cast<std::ptrdiff_t>(64 * head);
          ASSERT_EQ(FirstDifference({out.begin() + at, out.begin() + at + 64},
                                    {alone.begin() + at, alone.begin() + at + 64}),
                    -1)
              << IsaName(isa) << " " << head;
        }
      }
    }
  }
}

TEST(Attention, EveryIsaEqualsScalarFromFlatToSharp) {
  Random random(5);
  for (const float sigma : {0.0F, 0.01F, 1.0F, 30.0F, 3000.0F}) {
    ExpectEqualOnAllIsas(MakeCase(random, 128, 3, 1100, sigma), {{0, 4, true}, {4, 1100}});
  }
}

// The largest dot products and value sums that codes and queries can make.
TEST(Attention, EveryIsaEqualsScalarAtTheExtremes) {
  Random random(6);
  TestCase test = MakeCase(random, 256, 2, 64);
  std::fill(test.key_scales.begin(), test.key_scales.end(), uint16_t{0x3C00});
  std::fill(test.value_scales.begin(), test.value_scales.end(), uint16_t{0x3C00});
  for (const int8_t q : {int8_t{-127}, int8_t{127}}) {
    std::fill(test.window.begin(), test.window.end(), q);
    test.window_sums = SumGroups(test.window);
    for (const uint8_t code : {0x00, 0xFF}) {
      std::fill(test.keys.begin(), test.keys.end(), code);
      std::fill(test.values.begin(), test.values.end(), code);
      for (const uint8_t group : {0x00, 0x0F, 0xF0, 0xFF}) {
        std::fill(test.key_groups.begin(), test.key_groups.end(), group);
        std::fill(test.value_groups.begin(), test.value_groups.end(), group);
        ExpectEqualOnAllIsas(test, {{0, 64}});
      }
    }
  }
}

// Scales as a broken model leaves them: NaN, infinity, zero, subnormal, negative.
TEST(Attention, EveryIsaEqualsScalarOnSpecialScales) {
  Random random(7);
  for (const uint16_t special : {0x7E00, 0x7C00, 0x0000, 0x8000, 0x0001, 0x7BFF, 0xBC00}) {
    for (const int64_t slot : {0, 5, 37, 49}) {
      TestCase key = MakeCase(random, 64, 2, 50);
      key.key_scales[static_cast<size_t>(slot)] = special;
      ExpectEqualOnAllIsas(key, {{0, 50}});
      TestCase value = MakeCase(random, 64, 2, 50);
      value.value_scales[static_cast<size_t>(slot)] = special;
      ExpectEqualOnAllIsas(value, {{0, 50}});
    }
    TestCase all = MakeCase(random, 64, 2, 50);
    std::fill(all.value_scales.begin(), all.value_scales.end(), special);
    ExpectEqualOnAllIsas(all, {{0, 50}});
    std::fill(all.key_scales.begin(), all.key_scales.end(), special);
    ExpectEqualOnAllIsas(all, {{0, 50}});
  }
}

TEST(Attention, EveryIsaEqualsScalarOnSpecialQueryScales) {
  Random random(8);
  for (const float special : testing::SpecialFloats()) {
    TestCase test = MakeCase(random, 64, 2, 50);
    test.window_scale[1] = special;
    test.sink_scale[0] = special;
    ExpectEqualOnAllIsas(test, {{0, 4, true}, {4, 50}});
  }
}

}  // namespace
}  // namespace accllm::kernels
