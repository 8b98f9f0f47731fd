#include "base/rope_scaling.h"

#include <gtest/gtest.h>

namespace accllm {
namespace {

Result<std::vector<double>> Factors(std::string_view json, int64_t head_dim, double theta) {
  const auto fields = JsonObject::Parse(json, "config.json");
  if (!fields) return tl::unexpected(fields.error());
  return RopeFactorsFromFields(*fields, head_dim, theta);
}

TEST(RopeScaling, DefaultScalesNothing) {
  EXPECT_TRUE(Factors(R"({"rope_type": "default"})", 64, 1e4)->empty());
}

TEST(RopeScaling, LinearDividesAllAlike) {
  const auto factors = Factors(R"({"type": "linear", "factor": 2.5})", 8, 1e4);
  ASSERT_TRUE(factors) << factors.error().ToString();
  EXPECT_EQ(*factors, std::vector<double>(4, 2.5));
}

TEST(RopeScaling, Llama3LeavesFastPairsAloneAndDividesSlowOnes) {
  // Llama 3.1 8B. Wave lengths of 2048 tokens (context / high_freq_factor) and 8192 (context /
  // low_freq_factor) bound the ramp; pairs 29 and 35 are the first beyond them.
  const auto factors = Factors(
      R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192})",
      128, 5e5);
  ASSERT_TRUE(factors) << factors.error().ToString();
  ASSERT_EQ(factors->size(), 64U);
  EXPECT_EQ((*factors)[0], 1.0);
  EXPECT_EQ((*factors)[28], 1.0);
  EXPECT_GT((*factors)[29], 1.0);
  EXPECT_LT((*factors)[34], 8.0);
  EXPECT_EQ((*factors)[35], 8.0);
  EXPECT_EQ((*factors)[63], 8.0);
  for (size_t i = 1; i < factors->size(); ++i) EXPECT_GE((*factors)[i], (*factors)[i - 1]);
}

struct BadCase {
  const char* json;
  ErrorCode code;
  const char* message;
};

TEST(RopeScaling, BadFieldsAreNamed) {
  const std::vector<BadCase> cases = {
      {R"({"factor": 2})", ErrorCode::kNotFound, "'type'"},
      {R"({"rope_type": "yarn", "factor": 4})", ErrorCode::kUnsupported, "yarn"},
      {R"({"rope_type": "linear"})", ErrorCode::kNotFound, "'factor'"},
      {R"({"rope_type": "linear", "factor": 0})", ErrorCode::kCorrupt, "'factor'"},
      {R"({"rope_type": "linear", "factor": -1})", ErrorCode::kCorrupt, "'factor'"},
      {R"({"rope_type": "linear", "factor": 1e9})", ErrorCode::kCorrupt, "'factor'"},
      {R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4,
           "original_max_position_embeddings": 8192})",
       ErrorCode::kCorrupt, "'high_freq_factor'"},
      {R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4})",
       ErrorCode::kNotFound, "'original_max_position_embeddings'"},
  };
  for (const BadCase& bad : cases) {
    const auto factors = Factors(bad.json, 64, 1e4);
    ASSERT_FALSE(factors) << bad.json;
    EXPECT_EQ(factors.error().code, bad.code) << bad.json;
    EXPECT_NE(factors.error().message.find(bad.message), std::string::npos)
        << factors.error().message;
  }
}

}  // namespace
}  // namespace accllm
