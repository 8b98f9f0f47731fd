// A sentencepiece model of type BPE for BpeModel, which is many times as fast as the library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenizer/bpe_model.h"
#include "tokenizer/chars_map.h"
#include "tokenizer/sentencepiece_proto.h"

namespace accllm {

// The model's pieces and merges; nothing for models that only the library can encode: unigram, and
// those with user-defined, unused or unusually long pieces, reserved single characters or plain
// spaces.
std::optional<BpeSpec> MakeBpeSpec(const SentencePieceModel& model);

// Rewrites a text as sentencepiece does before it looks for pieces.
class SentencePieceNormalizer {
 public:
  explicit SentencePieceNormalizer(const SentencePieceModel& model)
      : map_(model.chars_map),
        adds_prefix_(model.add_dummy_prefix),
        squeezes_spaces_(model.remove_extra_whitespaces) {}

  // Spaces become U+2581, bytes that are not UTF-8 become U+FFFD.
  std::string Normalize(std::string_view text) const;

 private:
  struct Step {
    size_t length;  // bytes of input
    std::string_view output;
  };
  Step FirstStep(std::string_view text) const;

  CharsMap map_;
  bool adds_prefix_;
  bool squeezes_spaces_;
};

}  // namespace accllm
