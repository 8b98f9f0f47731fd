// Bytes that arrive one at a time, as whole code points.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/utf8.h"

namespace accllm {

class Utf8Assembler {
 public:
  void Add(std::string_view bytes) { pending_ += bytes; }

  // Moves what is decided of the bytes to `text`; all of them if no more can come. Bytes that
  // belong to no code point become U+FFFD: each of them, or each longest start of a code point.
  void Drain(bool is_final, InvalidUtf8 invalid, std::string* text) {
    std::string_view bytes = pending_;
    while (!bytes.empty()) {
      const Utf8Step step = FirstCodePoint(bytes);
      if (step.state == Utf8State::kComplete) {
        text->append(bytes.substr(0, step.length));
        bytes.remove_prefix(step.length);
      } else if (step.state == Utf8State::kInvalid || is_final) {
        text->append(kReplacementCharacter);
        bytes.remove_prefix(invalid == InvalidUtf8::kEachByte ? 1 : step.valid_start);
      } else {
        break;
      }
    }
    pending_.erase(0, pending_.size() - bytes.size());
  }

 private:
  std::string pending_;
};

}  // namespace accllm
