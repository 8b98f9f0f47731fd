// Small tokenizer.json files for tests.
#pragma once

#include <string>

namespace accllm::testing {

// Fields of a byte-level vocabulary of single bytes, some letters joined ("ab", " a", "abc", "
// ab"), <s> and </s> special and the added token [x]; tests replace what they are about.
struct TestJson {
  std::string added_tokens;
  std::string normalizer = "null";
  std::string pre_tokenizer;
  std::string post_processor = "null";
  std::string decoder = R"({"type":"ByteLevel"})";
  std::string model;

  TestJson();
  std::string Bytes() const;
};

// The same for a vocabulary in the manner of Llama-2: characters, byte fallback, marked spaces.
TestJson LlamaJson();

}  // namespace accllm::testing
