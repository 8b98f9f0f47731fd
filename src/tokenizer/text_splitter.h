// The pre_tokenizer of a tokenizer.json: cuts a text into words.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/split_regex.h"

namespace accllm {

// What becomes of the matches of a splitting pattern.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

enum class PrependScheme { kNever, kFirst, kAlways };

// One step: texts may get a prefix, then are cut at the matches of a pattern.
struct SplitStep {
  std::optional<SplitRegex> regex;  // nothing: `literal`; if that is empty too, no cut
  std::string literal;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool is_inverted = false;  // cut at what does not match

  std::string replaced_space;  // if not empty, it stands for every space from here on
  std::string prefix;          // put before texts that do not start with it
  PrependScheme prepend = PrependScheme::kNever;
};

class TextSplitter {
 public:
  using Sink = std::function<void(std::string_view)>;

  TextSplitter() = default;
  explicit TextSplitter(std::vector<SplitStep> steps) : steps_(std::move(steps)) {}

  // Gives the words of a valid UTF-8 text to `sink`, one after the other; none is empty.
  // `is_first`: nothing comes before the text.
  void Split(std::string_view text, bool is_first, const Sink& sink) const {
    Run(0, text, is_first, sink);
  }

  bool empty() const { return steps_.empty(); }

 private:
  void Run(size_t step, std::string_view text, bool is_first, const Sink& sink) const;

  std::vector<SplitStep> steps_;
};

}  // namespace accllm
