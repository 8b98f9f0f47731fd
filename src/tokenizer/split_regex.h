// A compiled regular expression and the search for its matches.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace accllm {

struct TextRange {
  size_t begin = 0;
  size_t end = 0;
};

class SplitRegex {
 public:
  // `where` starts the errors: the file and the field.
  // Errors: kUnsupported (see TranslateRegex; also for patterns that match nothing at all),
  // kCorrupt, kOutOfMemory.
  static Result<SplitRegex> Compile(std::string_view pattern, const std::string& where);

  SplitRegex(SplitRegex&& other) noexcept;
  SplitRegex& operator=(SplitRegex&& other) noexcept;
  ~SplitRegex();

  // One search through one text, which must be valid UTF-8 and outlive it. A match may take steps
  // in proportion to the text, far more than any published pattern needs; where one would need more
  // the search ends, so that no pattern can make it hang.
  class Search {
   public:
    Search(const SplitRegex& regex, std::string_view text);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    // The next match; matches do not overlap.
    std::optional<TextRange> Next();

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct Code;
  explicit SplitRegex(std::unique_ptr<Code> code);

  std::unique_ptr<Code> code_;
};

}  // namespace accllm
