// Tokens that are found in a text by their spelling, before any vocabulary is asked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/split_regex.h"
#include "tokenizer/tokenizer.h"

namespace accllm {

struct AddedToken {
  std::string content;  // not empty
  int32_t id = -1;
  bool is_special = false;
  bool is_single_word = false;  // only where no letter or digit is next to it
  bool takes_left_space = false;
  bool takes_right_space = false;
  bool is_normalized = false;  // sought in the normalised text
};

class AddedTokens {
 public:
  // A stretch of text: a token, or text in between (id -1).
  struct Part {
    TextRange range;
    int32_t id = -1;
  };
  using Sink = std::function<void(const Part&)>;

  // Of tokens that are spelt alike the first one counts.
  static Result<AddedTokens> Make(std::vector<AddedToken> tokens);

  // All parts of the text in order. Where several tokens start, the longest is it. With kAsText,
  // special tokens stay part of the text around them.
  void Split(std::string_view text, SpecialTokens special, const Sink& sink) const;

 private:
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };

  explicit AddedTokens(SplitRegex word) : word_(std::move(word)) {}
  const AddedToken* LongestAt(std::string_view text) const;
  bool StandsAlone(std::string_view before, std::string_view after) const;

  std::vector<AddedToken> tokens_;       // sorted by content
  std::array<Range, 256> by_byte_ = {};  // of tokens_, by first byte
  SplitRegex word_;                      // a character of a word
};

}  // namespace accllm
