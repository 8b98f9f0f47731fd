// Builds small GGUF files, good and bad, for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/gguf_format.h"

namespace accllm::testing {

// A number as it lies in a file.
template <typename T>
std::string Raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// A length and the text.
std::string RawString(std::string_view text);

// The value of an array: the element type, the count and the elements' bytes.
std::string RawArray(GgufType type, uint64_t count, std::string_view elements);
std::string RawStrings(const std::vector<std::string>& texts);

struct GgufBuilder {
  struct Entry {
    std::string key;
    GgufType type;
    std::string value;
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dimensions;  // as in the file: the fastest first
    uint32_t type = 0;
    std::string data;
    std::optional<uint64_t> offset = std::nullopt;  // where the entry says the data lies
  };

  uint32_t magic = kGgufMagic;
  uint32_t version = kGgufVersion;
  std::optional<uint64_t> n_tensors = std::nullopt;  // what the head says
  std::optional<uint64_t> n_entries = std::nullopt;
  std::vector<Entry> entries = {};
  std::vector<Tensor> tensors = {};
  uint64_t alignment = kGgufDefaultAlignment;  // the key must be given as an entry

  GgufBuilder& AddString(std::string_view key, std::string_view value);
  GgufBuilder& AddUint32(std::string_view key, uint32_t value);
  GgufBuilder& AddFloat(std::string_view key, float value);

  std::string Bytes() const;
};

}  // namespace accllm::testing
