#include "tokenizer/bpe_decoder.h"

namespace accllm {

std::string BpeDecoder::Push(int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= rules_.pieces.size()) return {};
  const DecoderRules::Piece& piece = rules_.pieces[static_cast<size_t>(id)];
  if (piece.is_skipped) return {};
  std::string text;
  if (piece.is_bytes) {
    bytes_.Add(piece.text);
    bytes_.Drain(/*is_final=*/false, rules_.invalid, &text);
  } else {
    bytes_.Drain(/*is_final=*/true, rules_.invalid, &text);
    const bool differs = is_first_ && !rules_.first_pieces.empty();
    text += differs ? rules_.first_pieces[static_cast<size_t>(id)] : piece.text;
  }
  is_first_ = false;
  Strip(&text);
  return text;
}

std::string BpeDecoder::Flush() {
  std::string text;
  bytes_.Drain(/*is_final=*/true, rules_.invalid, &text);
  Strip(&text);
  is_first_ = true;
  strips_left_ = rules_.strip_count;
  return text;
}

void BpeDecoder::Strip(std::string* text) {
  while (strips_left_ > 0 && !text->empty()) {
    if (!text->starts_with(rules_.strip)) {
      strips_left_ = 0;
      return;
    }
    text->erase(0, rules_.strip.size());
    --strips_left_;
  }
}

}  // namespace accllm
