#include "tokenizer/sentencepiece_decoder.h"

#include <cstdint>
#include <string_view>

#include "tokenizer/utf8.h"

namespace accllm {

std::string SentencePieceDecoder::Push(int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= model_.pieces.size()) return {};
  const SentencePieceModel::Piece& piece = model_.pieces[static_cast<size_t>(id)];
  std::string text;
  if (piece.type == PieceType::kByte) {
    const char byte = static_cast<char>(piece.byte);
    bytes_.Add({&byte, 1});
    bytes_.Drain(/*is_final=*/false, InvalidUtf8::kEachByte, &text);
  } else {
    bytes_.Drain(/*is_final=*/true, InvalidUtf8::kEachByte, &text);
    // Only white space at the very start is the encoder's; bytes count as text.
    if (removed_space_ || has_text_ || !text.empty()) is_start_ = false;
    text += DecodePiece(piece);
  }
  has_text_ = has_text_ || !text.empty();
  return text;
}

std::string SentencePieceDecoder::Flush() {
  std::string text;
  bytes_.Drain(/*is_final=*/true, InvalidUtf8::kEachByte, &text);
  is_start_ = true;
  removed_space_ = false;
  has_text_ = false;
  return text;
}

// The text of a piece that is not a byte.
std::string SentencePieceDecoder::DecodePiece(const SentencePieceModel::Piece& piece) {
  removed_space_ = false;
  if (piece.type == PieceType::kControl) return {};
  if (piece.type == PieceType::kUnknown) return model_.unk_surface;
  std::string_view rest = piece.text;
  if (is_start_ && (model_.add_dummy_prefix || model_.remove_extra_whitespaces) &&
      rest.starts_with(kSpaceMark)) {
    rest.remove_prefix(kSpaceMark.size());
    // The encoder adds one space; if it also squeezes spaces, all leading ones are removed.
    removed_space_ = !model_.remove_extra_whitespaces;
  }
  std::string text;
  while (!rest.empty()) {
    const size_t mark = rest.find(kSpaceMark);
    text += rest.substr(0, mark);
    if (mark == std::string_view::npos) break;
    text += ' ';
    rest.remove_prefix(mark + kSpaceMark.size());
  }
  return text;
}

}  // namespace accllm
