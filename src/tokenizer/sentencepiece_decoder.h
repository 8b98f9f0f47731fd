// Ids of a sentencepiece model back to text, as the library's own decoder does it.
#pragma once

#include <string>

#include "tokenizer/sentencepiece_proto.h"
#include "tokenizer/tokenizer_backend.h"
#include "tokenizer/utf8_assembler.h"

namespace accllm {

class SentencePieceDecoder final : public PieceDecoder {
 public:
  // `model` must outlive the decoder.
  explicit SentencePieceDecoder(const SentencePieceModel& model) : model_(model) {}

  std::string Push(int32_t id) override;
  std::string Flush() override;

 private:
  std::string DecodePiece(const SentencePieceModel::Piece& piece);

  const SentencePieceModel& model_;
  Utf8Assembler bytes_;
  bool is_start_ = true;        // leading white space is still to be removed
  bool removed_space_ = false;  // the last piece lost its leading space
  bool has_text_ = false;       // something was returned since the start
};

}  // namespace accllm
