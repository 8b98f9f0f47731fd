#include "Vrce_quad.h"
#include "tests/rtl/rce_attention.h"
#include "tests/rtl/rce_lane_driver.h"
#include "tests/rtl/rce_linear.h"

namespace accllm::rtl {
namespace {

constexpr int kSlots = ACCLLM_RTL_SLOTS;
using Driver = RceLaneDriver<Vrce_quad, kSlots>;

struct Pace {
  Stall steps, writes;
};

// All at once; beats that wait; operands that come late.
std::vector<Pace> Paces() {
  return {{Stall::Never(), Stall::Never()},
          {Stall(3), Stall::Never()},
          {Stall::Never(), Stall(4)},
          {Stall(5), Stall(6)}};
}

// Two digits take the second half of the slots too: what is there is no token's.
void ExpectTiles(const RceResults& got, const RceResults& expected, int tokens) {
  ASSERT_EQ(got.tiles.size(), expected.tiles.size());
  for (size_t tile = 0; tile < got.tiles.size(); ++tile) {
    for (int i = 0; i < tokens * kRows; ++i) {
      ASSERT_EQ(static_cast<int32_t>(got.tiles[tile][i]),
                static_cast<int32_t>(expected.tiles[tile][i]))
          << "tile " << tile << ", token " << i / kRows << ", row " << i % kRows;
    }
  }
}

class RceLaneLinear : public testing::TestWithParam<std::tuple<RceMode, RceData>> {};

TEST_P(RceLaneLinear, SumsAreThoseOfTheDefinition) {
  uint32_t seed = 1;
  for (const Pace& pace : Paces()) {
    for (const int blocks : {1, 3, 11}) {
      const auto [mode, data] = GetParam();
      const RceLinear linear = {mode, kSlots, blocks, 7, data};
      const RceCase made = MakeLinear(linear, seed++);
      Driver driver(pace.steps, pace.writes);
      ExpectTiles(driver.Run(made.program), made.expected, linear.tokens());
      if (HasFatalFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RceLaneLinear,
                         testing::Combine(testing::Values(RceMode::kSparse24, RceMode::kDense2,
                                                          RceMode::kDense4, RceMode::kDense8),
                                          testing::Values(RceData::kRandom, RceData::kExtreme,
                                                          RceData::kOnes)));

class RceLaneAttention : public testing::TestWithParam<RceData> {};

TEST_P(RceLaneAttention, KeysTimesQueries) {
  for (const Pace& pace : Paces()) {
    for (const bool split : {false, true}) {
      const RceCase made = MakeKeys({kSlots, 400, split, GetParam()}, 7);
      Driver driver(pace.steps, pace.writes);
      const RceResults got = driver.Run(made.program);
      ASSERT_EQ(got.keys, made.expected.keys);
      ASSERT_EQ(got.key_lower, made.expected.key_lower);
    }
  }
}

TEST_P(RceLaneAttention, ValuesTimesWeights) {
  for (const Pace& pace : Paces()) {
    for (const int chunks : {1, 2, 65}) {
      const RceCase made = MakeValues({kSlots, 5, chunks, GetParam()}, 8);
      Driver driver(pace.steps, pace.writes);
      ASSERT_EQ(driver.Run(made.program).values, made.expected.values);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RceLaneAttention,
                         testing::Values(RceData::kRandom, RceData::kExtreme, RceData::kOnes));

// Appends a program to one of other beats.
void Append(RceCase& all, RceCase more) {
  const size_t steps = all.program.steps.size(), writes = all.program.writes.size();
  for (RceWrite& write : more.program.writes) {
    // Entries of the programs before may be in use until their end.
    write.after = std::max(write.after + (write.after > 0 ? steps : 0), steps);
    all.program.writes.push_back(write);
  }
  for (RceStep& step : more.program.steps) {
    step.needs += step.needs > 0 ? writes : 0;
    all.program.steps.push_back(step);
  }
  const auto append = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(all.expected.tiles, more.expected.tiles);
  append(all.expected.keys, more.expected.keys);
  append(all.expected.key_lower, more.expected.key_lower);
  append(all.expected.values, more.expected.values);
}

TEST(RceLane, ModesFollowEachOther) {
  RceCase all;
  const RceMode modes[] = {RceMode::kSparse24, RceMode::kDense2, RceMode::kDense4,
                           RceMode::kDense8};
  std::vector<int> tokens;
  for (uint32_t i = 0; i < 12; ++i) {
    const RceLinear linear = {modes[i % 4], kSlots, 2, 1, RceData::kRandom};
    Append(all, MakeLinear(linear, 100 + i));
    tokens.push_back(linear.tokens());
    Append(all, MakeKeys({kSlots, 5, i % 2 == 1, RceData::kExtreme}, 200 + i));
    Append(all, MakeValues({kSlots, 1, 3, RceData::kRandom}, 300 + i));
  }
  Driver driver(Stall(1), Stall(2));
  const RceResults got = driver.Run(all.program);
  EXPECT_EQ(got.keys, all.expected.keys);
  EXPECT_EQ(got.key_lower, all.expected.key_lower);
  EXPECT_EQ(got.values, all.expected.values);
  ASSERT_EQ(got.tiles.size(), tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    ExpectTiles({{got.tiles[i]}, {}, {}, {}}, {{all.expected.tiles[i]}, {}, {}, {}}, tokens[i]);
  }
}

TEST(RceLane, TheUpperHalfIsOfOtherTokens) {
  RceCase all;
  uint32_t seed = 400;
  for (const RceMode mode : {RceMode::kDense2, RceMode::kDense4, RceMode::kDense8}) {
    const RceLinear linear = {mode, kSlots, 2, 1, RceData::kRandom};
    for (int tile = 0; tile < 3; ++tile) {
      RceCase lower = MakeLinear(linear, seed++), upper = MakeLinear(linear, seed++);
      lower.program.steps.back().beat.last = false;
      for (RceStep& step : upper.program.steps) step.beat.upper = true;
      Append(all, std::move(lower));
      Append(all, std::move(upper));
    }
  }
  Driver driver(Stall(3), Stall(4));
  ExpectTiles(driver.Run(all.program), all.expected, kSlots / 2);
}

TEST(RceLane, TakesABeatEveryCycle) {
  Driver driver(Stall::Never(), Stall::Never());
  const RceCase linear = MakeLinear({RceMode::kSparse24, kSlots, 40, 4, RceData::kRandom}, 1);
  ExpectTiles(driver.Run(linear.program), linear.expected, kSlots);
  EXPECT_EQ(driver.idle_cycles(), 0);
  const RceCase values = MakeValues({kSlots, 2, 200, RceData::kRandom}, 1);
  EXPECT_EQ(driver.Run(values.program).values, values.expected.values);
  EXPECT_EQ(driver.idle_cycles(), 0);
}

}  // namespace
}  // namespace accllm::rtl
