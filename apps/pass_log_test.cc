#include "pass_log.h"

#include <gtest/gtest.h>

namespace accllm::cli {
namespace {

accel::PassRegisters Pass(int64_t position, int64_t n_tokens) {
  accel::PassRegisters pass;
  pass.position = position;
  pass.n_tokens = n_tokens;
  return pass;
}

TEST(PassLog, KeepsPromptAndTextApart) {
  PassLog log(5);
  EXPECT_FALSE(log.last());
  log.Add(Pass(0, 4), 100);
  EXPECT_EQ(log.n_prompt_read(), 4);
  log.Add(Pass(4, 1), 150);
  EXPECT_TRUE(log.CyclesByTenth(5).empty());
  log.Add(Pass(5, 1), 180);
  EXPECT_EQ(log.n_prompt_read(), 5);
  EXPECT_EQ(log.prompt_cycles(), 150);
  EXPECT_EQ(log.n_passes(), 3);
  ASSERT_TRUE(log.last());
  EXPECT_EQ(log.last()->position, 5);
  EXPECT_EQ(log.CyclesByTenth(6), (std::vector<double>{30}));
}

TEST(PassLog, TenthsAreMeansOverTheirTokens) {
  PassLog log(3);
  int64_t cycles = 70;
  log.Add(Pass(0, 3), cycles);
  for (int64_t i = 0; i < 40; ++i) log.Add(Pass(3 + i, 1), cycles += i < 20 ? 10 : 30);
  EXPECT_EQ(log.CyclesByTenth(43), (std::vector<double>{10, 10, 10, 10, 10, 30, 30, 30, 30, 30}));
}

// Of the three tokens of the first pass two were kept.
TEST(PassLog, KeptTokensShareTheCyclesOfTheirPass) {
  PassLog log(1);
  log.Add(Pass(0, 1), 10);
  log.Add(Pass(1, 3), 30);
  log.Add(Pass(3, 1), 36);
  EXPECT_EQ(log.CyclesByTenth(4), (std::vector<double>{10, 10, 6}));
}

}  // namespace
}  // namespace accllm::cli
