#include "prompt_flags.h"

#include "base/file_io.h"

namespace accllm::cli {

void PromptFlags::Declare(OptionTable& table) {
  table.Exclusive({
      table.Value("-p,--prompt", "TEXT", prompt, "The text to continue"),
      table.Value("--prompt-file", "FILE", prompt_file, "The same from a file"),
      table.Value("--prompt-tokens", "IDS", prompt_tokens,
                  "The same as token ids, taken as they are: 1,2,3"),
  });
}

Result<std::vector<int32_t>> PromptFlags::Read(const Tokenizer* tokenizer, int64_t bos,
                                               const std::string& path) const {
  const int given =
      (prompt.empty() ? 0 : 1) + (prompt_file.empty() ? 0 : 1) + (prompt_tokens.empty() ? 0 : 1);
  if (given != 1) {
    return Fail(ErrorCode::kInvalidArgument,
                given == 0 ? "there is no prompt" : "there is more than one prompt",
                "give one of --prompt, --prompt-file and --prompt-tokens");
  }
  if (!prompt_tokens.empty()) return prompt_tokens;
  if (tokenizer == nullptr) {
    return Fail(ErrorCode::kUnsupported, fmt::format("{}: has no tokenizer", path),
                "give the prompt as token ids: --prompt-tokens 1,2,3");
  }
  std::string text = prompt;
  if (!prompt_file.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(
        text, ReadTextFile(prompt_file, static_cast<int64_t>(Tokenizer::kMaxTextBytes)));
  }
  std::vector<int32_t> tokens = tokenizer->Encode(text);
  if (bos >= 0) tokens.insert(tokens.begin(), static_cast<int32_t>(bos));
  return tokens;
}

}  // namespace accllm::cli
