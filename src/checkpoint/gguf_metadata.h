// The typed key-value pairs at the head of a GGUF file.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fields.h"
#include "base/result.h"
#include "checkpoint/byte_cursor.h"
#include "checkpoint/gguf_format.h"

namespace accllm {

// A value whose extent was checked and that is decoded when it is asked for.
struct GgufValue {
  GgufType type = GgufType::kUint8;
  GgufType element_type = GgufType::kUint8;  // of an array
  uint64_t count = 0;                        // of an array
  std::span<const uint8_t> bytes;            // a string's text; an array's elements
};

// Readers give kNotFound if the key is missing, kCorrupt if its value has another type or lies out
// of range; each error names file and key.
class GgufMetadata {
 public:
  // Reads `n_entries` entries from the cursor, whose bytes must outlive the result.
  // Errors: kCorrupt for values that overrun the file, unknown types, repeated keys.
  static Result<GgufMetadata> Parse(ByteCursor& cursor, uint64_t n_entries);

  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  bool IsArray(std::string_view key) const;

  Result<int64_t> Int(std::string_view key, IntRange range) const;  // of any integer type
  Result<double> Number(std::string_view key) const;                // finite; integers too
  Result<bool> Bool(std::string_view key) const;
  Result<std::string> String(std::string_view key) const;
  Result<std::vector<std::string_view>> Strings(std::string_view key) const;  // views of the file
  Result<std::vector<int64_t>> Ints(std::string_view key, IntRange range) const;
  Result<std::vector<float>> Floats(std::string_view key) const;  // f32 or f64, finite

  // "path: key 'k'", the start of every error about an entry.
  std::string Where(std::string_view key) const;
  const std::string& path() const { return path_; }

 private:
  const GgufValue* Find(std::string_view key) const;
  Result<const GgufValue*> Require(std::string_view key) const;
  Result<const GgufValue*> RequireArray(std::string_view key) const;
  tl::unexpected<Error> WrongType(std::string_view key, std::string_view expected) const;

  std::string path_;
  std::map<std::string, GgufValue, std::less<>> values_;
};

}  // namespace accllm
