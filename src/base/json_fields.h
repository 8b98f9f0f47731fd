// Typed reading of foreign JSON: every error names the file and the field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace accllm {

// What a JSON text may cost at most. Parsing stops at the first limit that is passed.
struct JsonLimits {
  size_t max_bytes = size_t{1} << 20;
  size_t max_values = size_t{1} << 16;  // scalars, arrays and objects together
  size_t max_depth = 32;                // nested arrays and objects
};

// Range of an integer field, both ends included.
struct IntRange {
  int64_t min = 0;
  int64_t max = INT64_MAX;
};

struct JsonNode;  // one parsed value

// A read-only JSON object; copies share the parsed text.
//
// Readers give kNotFound if the field is missing or null, kCorrupt if it has another type or lies
// out of range.
class JsonObject {
 public:
  // Parses a text whose top level is an object. `path` is the file that errors name.
  // Errors: kCorrupt for anything that is not JSON, repeats a key or passes `limits`.
  static Result<JsonObject> Parse(std::string_view text, const std::string& path,
                                  const JsonLimits& limits = {});

  bool Has(std::string_view key) const;  // present and not null
  std::vector<std::string> Keys() const;

  Result<bool> Bool(std::string_view key) const;
  Result<int64_t> Int(std::string_view key, IntRange range) const;
  Result<double> Number(std::string_view key) const;  // finite; integers are numbers too
  Result<std::string> String(std::string_view key) const;
  Result<JsonObject> Object(std::string_view key) const;
  Result<std::vector<int64_t>> Ints(std::string_view key, IntRange range) const;
  Result<std::vector<double>> Numbers(std::string_view key) const;
  Result<std::vector<std::string>> Strings(std::string_view key) const;
  Result<std::vector<JsonObject>> Objects(std::string_view key) const;
  // Of an array whose elements are strings or arrays of strings; a string counts as an array of
  // one.
  Result<std::vector<std::vector<std::string>>> StringTuples(std::string_view key) const;

  // True if the field is there and is an array.
  bool IsArray(std::string_view key) const;

  // The field as compact JSON, for error messages; at most some 60 characters. "nothing" if absent.
  std::string Excerpt(std::string_view key) const;

  // "path: field 'a.b'", the start of every error about a field.
  std::string Where(std::string_view key) const;

  const std::string& path() const { return path_; }

 private:
  JsonObject() = default;
  const JsonNode* Find(std::string_view key) const;
  Result<const JsonNode*> Require(std::string_view key) const;
  JsonObject ObjectAt(const JsonNode* node, const std::string& name) const;

  std::shared_ptr<const JsonNode> root_;
  const JsonNode* node_ = nullptr;
  std::string path_;
  std::string prefix_;  // "a." inside the object of field a
};

}  // namespace accllm
