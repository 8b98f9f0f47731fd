// The normalizer of a tokenizer.json: rewrites a text before it is cut into words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/split_regex.h"

namespace accllm {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

// Valid UTF-8 in one of Unicode's normal forms. Errors: none; takes O(n log n).
std::string NormalizeUnicode(std::string_view text, UnicodeForm form);

struct NormalizerStep {
  enum class Kind { kUnicode, kPrepend, kReplace };
  Kind kind = Kind::kUnicode;
  UnicodeForm form = UnicodeForm::kNfc;  // kUnicode
  std::string content;                   // kPrepend: the prefix; kReplace: the replacement
  std::string literal;                   // kReplace: what is replaced, unless there is a regex
  std::optional<SplitRegex> regex;
};

class TextNormalizer {
 public:
  TextNormalizer() = default;
  explicit TextNormalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  // `text` must be valid UTF-8; `storage` holds the result if it differs.
  std::string_view Apply(std::string_view text, std::string* storage) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace accllm
