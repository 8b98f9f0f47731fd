// The prompt of the verbs that continue one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "options.h"
#include "tokenizer/tokenizer.h"

namespace accllm::cli {

struct PromptFlags {
  std::string prompt;
  std::string prompt_file;
  std::vector<int32_t> prompt_tokens;

  void Declare(OptionTable& table);

  // Token ids. tokenizer: null if `path` has none; bos: put before a text; -1: none.
  // Errors: kInvalidArgument, kUnsupported (a text without a tokenizer), those of reading.
  Result<std::vector<int32_t>> Read(const Tokenizer* tokenizer, int64_t bos,
                                    const std::string& path) const;
};

}  // namespace accllm::cli
