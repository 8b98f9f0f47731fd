#include "base/json_fields.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace accllm {
namespace {

constexpr char kPath[] = "dir/file.json";

JsonObject Parse(std::string_view text) {
  auto object = JsonObject::Parse(text, kPath);
  EXPECT_TRUE(object) << object.error().message;
  return *object;
}

Error ParseError(std::string_view text, const JsonLimits& limits = {}) {
  const auto object = JsonObject::Parse(text, kPath, limits);
  EXPECT_FALSE(object) << text;
  return object ? Error{} : object.error();
}

TEST(JsonFields, ReadsEveryType) {
  const JsonObject object = Parse(
      R"({"flag": true, "int": -3, "real": 1.5, "text": "a\"b", "null": null,
          "ints": [1, 2], "strings": ["x", "y"], "inner": {"deep": 7}})");
  EXPECT_EQ(*object.Bool("flag"), true);
  EXPECT_EQ(*object.Int("int", {-5, 5}), -3);
  EXPECT_EQ(*object.Number("real"), 1.5);
  EXPECT_EQ(*object.Number("int"), -3.0);
  EXPECT_EQ(*object.String("text"), "a\"b");
  EXPECT_EQ(*object.Ints("ints", {0, 9}), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(*object.Strings("strings"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(*object.Object("inner")->Int("deep", {0, 9}), 7);
  EXPECT_FALSE(object.Has("null"));
  EXPECT_FALSE(object.Has("absent"));
  EXPECT_TRUE(object.IsArray("ints"));
  EXPECT_EQ(object.Keys().size(), 8U);
  EXPECT_EQ(object.Excerpt("strings"), R"(["x", "y"])");
}

TEST(JsonFields, ReadsArraysOfObjectsAndTuples) {
  const JsonObject object =
      Parse(R"({"list": [{"n": 1}, {"n": "x"}], "pairs": ["a b", ["c", "d"], []], "odd": [[1]]})");
  const auto list = object.Objects("list");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ(*(*list)[0].Int("n", {}), 1);
  EXPECT_NE((*list)[1].Int("n", {}).error().message.find("'list[1].n'"), std::string::npos);
  using Tuples = std::vector<std::vector<std::string>>;
  EXPECT_EQ(*object.StringTuples("pairs"), (Tuples{{"a b"}, {"c", "d"}, {}}));
  EXPECT_EQ(object.StringTuples("odd").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(object.Objects("pairs").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(object.Objects("absent").error().code, ErrorCode::kNotFound);
}

TEST(JsonFields, ErrorsNameFileAndField) {
  const JsonObject object = Parse(R"({"inner": {"n": "seven"}, "big": 18446744073709551615})");
  const auto inner = object.Object("inner");
  ASSERT_TRUE(inner);
  const auto wrong_type = inner->Int("n", {0, 9});
  ASSERT_FALSE(wrong_type);
  EXPECT_EQ(wrong_type.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(wrong_type.error().message,
            "dir/file.json: field 'inner.n' must be an integer, found a string");
  const auto missing = inner->Int("m", {0, 9});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message, "dir/file.json: field 'inner.m' is missing");
  const auto big = object.Int("big", {0, INT64_MAX});
  ASSERT_FALSE(big);
  EXPECT_NE(big.error().message.find("18446744073709551615"), std::string::npos);
}

TEST(JsonFields, WrongTypesAreErrors) {
  const JsonObject object = Parse(R"({"a": [1, "x"], "o": {}, "r": 1.0})");
  EXPECT_FALSE(object.Bool("r"));
  EXPECT_FALSE(object.Int("r", {0, 9}));
  EXPECT_FALSE(object.Number("o"));
  EXPECT_FALSE(object.String("a"));
  EXPECT_FALSE(object.Object("a"));
  EXPECT_FALSE(object.Ints("a", {0, 9}));
  EXPECT_FALSE(object.Ints("o", {0, 9}));
  EXPECT_FALSE(object.Strings("a"));
}

TEST(JsonFields, RejectsWhatIsNotAnObject) {
  for (const char* text : {"", " ", "{", "[]", "1", "null", "{\"a\":}", "{\"a\":1}x", "{'a':1}",
                           "{\"a\":\"\xff\"}", "{\"a\":1,}", "{\"a\":NaN}", "{\"a\":1e999}"}) {
    EXPECT_EQ(ParseError(text).code, ErrorCode::kCorrupt) << text;
  }
}

TEST(JsonFields, RejectsRepeatedKeys) {
  EXPECT_NE(ParseError(R"({"a": 1, "b": {"c": 1, "c": 2}})").message.find("'c' appears twice"),
            std::string::npos);
}

TEST(JsonFields, LimitsDepthValuesAndBytes) {
  const std::string deep = "{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}";
  EXPECT_NE(ParseError(deep).message.find("nested deeper"), std::string::npos);
  const JsonLimits few_values = {.max_values = 3};
  EXPECT_NE(ParseError("{\"a\":[1,2,3]}", few_values).message.find("more than 3 values"),
            std::string::npos);
  const JsonLimits few_bytes = {.max_bytes = 4};
  EXPECT_NE(ParseError("{\"a\":1}", few_bytes).message.find("7 bytes"), std::string::npos);
}

RC_GTEST_PROP(JsonFields, NeverCrashes, (const std::string& text)) {
  (void)JsonObject::Parse(text, kPath);
  (void)JsonObject::Parse("{\"a\":" + text + "}", kPath);
}

}  // namespace
}  // namespace accllm
