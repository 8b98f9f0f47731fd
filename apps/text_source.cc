#include "text_source.h"

#include "base/file_io.h"
#include "packed/xxh3.h"

namespace accllm::cli {

Result<TokenizedText> TokenizeFile(const Tokenizer& tokenizer, const std::string& path,
                                   bool by_lines) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string text,
                          ReadTextFile(path, static_cast<int64_t>(Tokenizer::kMaxTextBytes)));
  TokenizedText result;
  result.xxh3 =
      fmt::format("{:016x}", Xxh3({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  if (by_lines) {
    ACCLLM_ASSIGN_OR_RETURN(result.tokens, tokenizer.EncodeLines(text));
  } else {
    result.tokens = tokenizer.Encode(text);
  }
  return result;
}

std::vector<int32_t> TextBytesOf(const Tokenizer& tokenizer, std::span<const int32_t> tokens,
                                 bool by_lines) {
  StreamingDecoder decoder(tokenizer);
  std::vector<int32_t> bytes;
  bytes.reserve(tokens.size());
  for (const int32_t token : tokens) {
    std::string text = decoder.Push(token);
    if (by_lines && text.ends_with('\n')) text += decoder.Flush();
    bytes.push_back(static_cast<int32_t>(text.size()));
  }
  return bytes;
}

}  // namespace accllm::cli
