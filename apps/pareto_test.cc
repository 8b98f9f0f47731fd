#include "pareto.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace accllm::cli {
namespace {

using Points = std::vector<std::vector<double>>;

TEST(ParetoFront, KeepsWhatNothingBeats) {
  EXPECT_EQ(ParetoFront({}), std::vector<bool>{});
  EXPECT_EQ(ParetoFront({{1, 2}}), std::vector<bool>{true});
  // A staircase, a point below it, one that equals in one and loses in the other.
  EXPECT_EQ(ParetoFront({{1, 5}, {3, 3}, {5, 1}, {2, 2}, {3, 1}}),
            (std::vector<bool>{true, true, true, false, false}));
}

TEST(ParetoFront, EqualPointsStayTogether) {
  EXPECT_EQ(ParetoFront({{2, 2}, {2, 2}, {1, 2}}), (std::vector<bool>{true, true, false}));
}

RC_GTEST_PROP(ParetoFront, EveryOtherPointIsBeatenByOneOfTheFront, ()) {
  const auto n = *rc::gen::inRange<size_t>(1, 40);
  Points points;
  for (size_t i = 0; i < n; ++i) {
    points.emplace_back();
    for (int k = 0; k < 3; ++k) points.back().push_back(*rc::gen::inRange(0, 6));
  }
  const auto beats = [](const std::vector<double>& a, const std::vector<double>& b) {
    return a != b && a[0] >= b[0] && a[1] >= b[1] && a[2] >= b[2];
  };
  const std::vector<bool> front = ParetoFront(points);
  for (size_t i = 0; i < n; ++i) {
    bool is_beaten_by_front = false;
    for (size_t j = 0; j < n; ++j) {
      if (front[i]) RC_ASSERT(!beats(points[j], points[i]));
      is_beaten_by_front |= front[j] && beats(points[j], points[i]);
    }
    RC_ASSERT(front[i] != is_beaten_by_front);
  }
}

}  // namespace
}  // namespace accllm::cli
