// A tokenizer.json: whatever is accepted must encode any text, and its pieces must decode.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace {

void Check(const accllm::Tokenizer& tokenizer, std::string_view text,
           accllm::SpecialTokens special) {
  const std::vector<int32_t> ids = tokenizer.Encode(text, special);
  for (const int32_t id : ids) {
    if (id < 0 || id >= tokenizer.vocab_size()) std::abort();
  }
  const std::string decoded = tokenizer.Decode(ids);
  if (!accllm::IsValidUtf8(decoded)) std::abort();
  accllm::StreamingDecoder decoder(tokenizer);
  std::string streamed;
  for (const int32_t id : ids) {
    const std::string part = decoder.Push(id);
    if (!accllm::IsValidUtf8(part)) std::abort();
    streamed += part;
  }
  if (streamed + decoder.Flush() != decoded) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tokenizer = accllm::Tokenizer::Load({data, size}, "tokenizer.json");
  if (!tokenizer) return 0;
  // The file's own bytes hold its pieces and the texts of its steps.
  const std::string_view own_bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string_view text :
       {std::string_view("ab a  abc e\xCC\x81 12\n\xC3\xA9\xFF<s>'s"), own_bytes.substr(0, 256),
        own_bytes.substr(size - size / 16)}) {
    Check(*tokenizer, text, accllm::SpecialTokens::kAsText);
    Check(*tokenizer, text, accllm::SpecialTokens::kParse);
  }
  return 0;
}
