#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/fp16.h"
#include "kernels/kernel_table.h"
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
  std::vector<uint8_t> keys;
  std::vector<uint8_t> values;
  std::vector<KvParam> key_params;
  std::vector<KvParam> value_params;
  std::vector<int8_t> window;  // [n_heads, padded_dim]
  std::vector<int8_t> sink;
  std::vector<float> window_scale;
  std::vector<float> sink_scale;

  KvHead cache() const {
    return {keys.data(), values.data(), key_params.data(), value_params.data()};
  }
  AttentionQuery query() const {
    return {static_cast<int64_t>(window_scale.size()),
            head_dim,
            window.data(),
            window_scale.data(),
            sink.data(),
            sink_scale.data()};
  }
};

void AddQueries(Random& random, int64_t n_heads, float sigma, const TestCase& test,
                std::vector<int8_t>* q, std::vector<float>* scales) {
  q->resize(static_cast<size_t>(n_heads * test.padded_dim));
  scales->resize(static_cast<size_t>(n_heads));
  for (int64_t head = 0; head < n_heads; ++head) {
    QuantizeQuery(random.Floats(test.head_dim, sigma).data(), test.head_dim, test.padded_dim,
                  q->data() + head * test.padded_dim, scales->data() + head);
  }
}

// sigma: of the queries; large ones make the softmax sharp.
TestCase MakeCase(Random& random, int64_t head_dim, int64_t n_heads, int64_t n_slots,
                  float sigma = 1.0F) {
  TestCase test;
  test.head_dim = head_dim;
  test.padded_dim = KvPaddedDim(head_dim);
  const int64_t row_bytes = test.padded_dim / 2;
  test.keys.resize(static_cast<size_t>(n_slots * row_bytes));
  test.values.resize(test.keys.size());
  for (int64_t slot = 0; slot < n_slots; ++slot) {
    test.key_params.push_back(
        QuantizeKv(random.Floats(head_dim).data(), head_dim, test.keys.data() + slot * row_bytes));
    test.value_params.push_back(QuantizeKv(random.Floats(head_dim).data(), head_dim,
                                           test.values.data() + slot * row_bytes));
  }
  AddQueries(random, n_heads, sigma, test, &test.window, &test.window_scale);
  AddQueries(random, n_heads, sigma, test, &test.sink, &test.sink_scale);
  return test;
}

int64_t SlotsOf(const std::vector<SlotRange>& ranges) {
  int64_t n = 0;
  for (const SlotRange& range : ranges) n += range.end - range.begin;
  return n;
}

std::vector<float> RunAttention(Attention kernel, const TestCase& test,
                                const std::vector<SlotRange>& ranges) {
  const AttentionQuery query = test.query();
  const int64_t n_scratch = AttentionScratchFloats(SlotsOf(ranges), query.n_heads);
  std::vector<float> scratch(static_cast<size_t>(n_scratch + 1), std::nanf(""));
  std::vector<float> out(static_cast<size_t>(query.n_heads * test.head_dim + 1), 99.0F);
  scratch.back() = 99.0F;
  kernel(test.cache(), query, ranges, scratch.data(), out.data());
  EXPECT_EQ(scratch.back(), 99.0F);
  EXPECT_EQ(out.back(), 99.0F);
  out.pop_back();
  return out;
}

double Decoded(const TestCase& test, const std::vector<uint8_t>& rows,
               const std::vector<KvParam>& params, int64_t slot, int64_t dim) {
  const KvParam param = params[static_cast<size_t>(slot)];
  const uint8_t* row = rows.data() + slot * test.padded_dim / 2;
  return static_cast<double>(HalfToFloat(param.scale)) *
         (KvCode(row, test.padded_dim, dim) - param.zero);
}

// Softmax attention of one head over the decoded cache, in double precision.
struct Expected {
  std::vector<double> out;        // [head_dim]
  std::vector<double> tolerance;  // what rounding weights to 7 bits a chunk may change
};

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
               Decoded(test, test.keys, test.key_params, slot, i);
      }
      slots.push_back(slot);
      scores.push_back(dot * q_scale[static_cast<size_t>(head)] /
                       std::sqrt(static_cast<double>(test.head_dim)));
    }
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double total = 0.0;
  double largest_weight = 0.0;
  for (size_t n = 0; n < slots.size(); ++n) {
    scores[n] = std::exp(scores[n] - largest);
    total += scores[n];
    const KvParam param = test.value_params[static_cast<size_t>(slots[n])];
    largest_weight = std::max(largest_weight, scores[n] * HalfToFloat(param.scale));
  }
  Expected expected;
  for (int64_t dim = 0; dim < test.head_dim; ++dim) {
    double sum = 0.0;
    double magnitude = 0.0;
    double rounding = 0.0;
    for (size_t n = 0; n < slots.size(); ++n) {
      const double value = Decoded(test, test.values, test.value_params, slots[n], dim);
      const KvParam param = test.value_params[static_cast<size_t>(slots[n])];
      sum += scores[n] * value;
      magnitude += scores[n] * std::abs(value);
      rounding += largest_weight / 254.0 * std::abs(value) / HalfToFloat(param.scale);
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
    const double value = Decoded(test, test.values, test.value_params, 33, i);
    EXPECT_NEAR(out[static_cast<size_t>(i)], value, 1e-6);
  }
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
    for (const int64_t n_heads : {1, 2, 3, 4, 7, 8, 9, 17}) {
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
  for (const int8_t q : {int8_t{-127}, int8_t{127}}) {
    std::fill(test.window.begin(), test.window.end(), q);
    for (const uint8_t code : {0x00, 0xFF}) {
      std::fill(test.keys.begin(), test.keys.end(), code);
      std::fill(test.values.begin(), test.values.end(), code);
      for (const uint16_t zero : {0, 15}) {
        std::fill(test.key_params.begin(), test.key_params.end(), KvParam{0x3C00, zero});
        std::fill(test.value_params.begin(), test.value_params.end(), KvParam{0x3C00, zero});
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
      key.key_params[static_cast<size_t>(slot)].scale = special;
      ExpectEqualOnAllIsas(key, {{0, 50}});
      TestCase value = MakeCase(random, 64, 2, 50);
      value.value_params[static_cast<size_t>(slot)].scale = special;
      ExpectEqualOnAllIsas(value, {{0, 50}});
    }
    TestCase all = MakeCase(random, 64, 2, 50);
    std::fill(all.value_params.begin(), all.value_params.end(), KvParam{special, 3});
    ExpectEqualOnAllIsas(all, {{0, 50}});
    std::fill(all.key_params.begin(), all.key_params.end(), KvParam{special, 3});
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
