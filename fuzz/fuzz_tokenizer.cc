// A tokenizer.model: whatever the checks let through, sentencepiece must be able to use.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tokenizer = accllm::Tokenizer::Load({data, size}, "tokenizer.model");
  if (!tokenizer) return 0;
  // The model's own bytes hold its pieces and the keys of its rules: a text that exercises both.
  const std::string_view own_bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string_view text :
       {std::string_view("A BC abc  d\xC3\xA9\xFF####"), own_bytes.substr(0, 256),
        own_bytes.substr(size - size / 16)}) {
    const std::vector<int32_t> ids = tokenizer->Encode(text);
    for (const int32_t id : ids) {
      if (id < 0 || id >= tokenizer->vocab_size()) std::abort();
    }
    if (!accllm::IsValidUtf8(tokenizer->Decode(ids))) std::abort();
  }
  return 0;
}
