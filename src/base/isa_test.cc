#include "base/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace accllm {
namespace {

// SelectIsa with ACCLLM_ISA set for the time of the call, then as it was.
Result<Isa> SelectWith(const char* name) {
  const char* before = std::getenv("ACCLLM_ISA");
  const std::string saved = before == nullptr ? "" : before;
  setenv("ACCLLM_ISA", name, 1);
  const Result<Isa> isa = SelectIsa();
  setenv("ACCLLM_ISA", saved.c_str(), 1);  // empty is as good as unset
  return isa;
}

TEST(Isa, EveryOneIsSelectedByItsNameOrRefused) {
  for (const Isa isa : kAllIsas) {
    const Result<Isa> selected = SelectWith(std::string(IsaName(isa)).c_str());
    ASSERT_EQ(static_cast<bool>(selected), IsaSupported(isa)) << IsaName(isa);
    if (selected) {
      EXPECT_EQ(*selected, isa);
    } else {
      EXPECT_EQ(selected.error().code, ErrorCode::kUnsupported) << IsaName(isa);
    }
  }
}

TEST(Isa, TheDefaultIsTheBestThatTheCpuHas) {
  const Result<Isa> best = SelectWith("");
  ASSERT_TRUE(best);
  EXPECT_TRUE(IsaSupported(*best));
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    EXPECT_LE(isa, *best) << IsaName(isa);
  }
}

TEST(Isa, AnUnknownNameIsRefusedWithTheNamesThereAre) {
  const Result<Isa> isa = SelectWith("mmx");
  ASSERT_FALSE(isa);
  EXPECT_EQ(isa.error().code, ErrorCode::kInvalidArgument);
  for (const Isa known : kAllIsas) {
    EXPECT_NE(isa.error().ToString().find(IsaName(known)), std::string::npos) << IsaName(known);
  }
}

}  // namespace
}  // namespace accllm
