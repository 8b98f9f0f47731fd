// Ids of a tokenizer.json back to text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tokenizer/tokenizer_backend.h"
#include "tokenizer/utf8_assembler.h"

namespace accllm {

// What the decoder of a tokenizer.json comes to.
struct DecoderRules {
  struct Piece {
    std::string text;       // empty for special tokens and ids that do not exist
    bool is_bytes = false;  // `text` may be a part of a code point
    bool is_skipped = true;
  };
  std::vector<Piece> pieces;              // by id
  std::vector<std::string> first_pieces;  // the texts of pieces that come first; empty: the same
  // How U+FFFD stands for bytes that are no text.
  InvalidUtf8 invalid = InvalidUtf8::kEachByte;
  // Of a text's start, up to `strip_count` times `strip` is removed.
  std::string strip;
  int64_t strip_count = 0;
};

class BpeDecoder final : public PieceDecoder {
 public:
  // `rules` must outlive the decoder.
  explicit BpeDecoder(const DecoderRules& rules) : rules_(rules), strips_left_(rules.strip_count) {}

  std::string Push(int32_t id) override;
  std::string Flush() override;

 private:
  void Strip(std::string* text);

  const DecoderRules& rules_;
  Utf8Assembler bytes_;
  bool is_first_ = true;
  int64_t strips_left_;
};

}  // namespace accllm
