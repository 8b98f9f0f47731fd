// Text to token ids and back, by a tokenizer.json (BPE) or a sentencepiece model (unigram or BPE).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace accllm {

class TokenizerBackend;  // one kind of vocabulary
class PieceDecoder;      // its way back to text

// What becomes of names of special tokens, such as <s> or <|eot_id|>, inside a text.
enum class SpecialTokens {
  kAsText,  // plain text, as in what a user wrote
  kParse,   // the tokens themselves, as in a rendered chat template
};

class Tokenizer {
 public:
  // Loads the bytes of a tokenizer.json (what starts with '{') or else of a sentencepiece
  // tokenizer.model; `path` is the file that errors name.
  // Errors: kCorrupt, kUnsupported, kOutOfMemory. Silences sentencepiece's log for the process.
  static Result<Tokenizer> Load(std::span<const uint8_t> bytes, const std::string& path);

  Tokenizer(Tokenizer&& other) noexcept;
  Tokenizer& operator=(Tokenizer&& other) noexcept;
  ~Tokenizer();

  // Ids of a text of at most kMaxTextBytes, without BOS or EOS. Bytes that are not UTF-8 count as
  // U+FFFD each. Safe to call from several threads.
  //
  // Tokens that were added to a tokenizer.json without being special, and user-defined symbols of
  // sentencepiece, are recognised either way.
  std::vector<int32_t> Encode(std::string_view text,
                              SpecialTokens special = SpecialTokens::kAsText) const;
  static constexpr size_t kMaxTextBytes = size_t{1} << 28;

  // For each line of `text` its ids as a text of its own, then the id of the newline token: <0x0A>,
  // or "\n" of byte-level vocabularies, whatever longer token the whole text might get there. A
  // last line without a newline counts too. Long texts are shared among all CPUs.
  // Errors: kUnsupported if the vocabulary has no newline token.
  Result<std::vector<int32_t>> EncodeLines(std::string_view text) const;

  // The text of `ids`, always valid UTF-8. Special tokens and ids outside the vocabulary have none.
  std::string Decode(std::span<const int32_t> ids) const;

  // The piece as the vocabulary spells it ("▁the", "Ġthe", "<0x0A>"); empty outside the vocabulary.
  std::string Piece(int32_t id) const;

  int64_t vocab_size() const;  // one more than the highest id
  int32_t bos_id() const;      // -1 if the vocabulary has none
  int32_t eos_id() const;      // -1 if the vocabulary has none
  int32_t unk_id() const;      // -1 if the vocabulary has none

  // Whether texts start with BOS as far as the file itself says: the post_processor of a
  // tokenizer.json; always for sentencepiece, which does not say.
  bool adds_bos() const;

 private:
  friend class StreamingDecoder;
  explicit Tokenizer(std::unique_ptr<const TokenizerBackend> backend);
  void AppendLines(std::string_view text, std::vector<int32_t>* ids) const;

  std::unique_ptr<const TokenizerBackend> backend_;
};

// Decodes ids one at a time. Together, the returned texts equal Tokenizer::Decode of all ids.
class StreamingDecoder {
 public:
  // `tokenizer` must outlive the decoder.
  explicit StreamingDecoder(const Tokenizer& tokenizer);
  StreamingDecoder(StreamingDecoder&& other) noexcept;
  StreamingDecoder& operator=(StreamingDecoder&& other) noexcept;
  ~StreamingDecoder();

  // The text that `id` completes: whole code points only. Bytes are held back until their code
  // point is complete; bytes that cannot be completed become U+FFFD.
  std::string Push(int32_t id);

  // What was held back, as U+FFFD. The next Push starts a new text.
  std::string Flush();

 private:
  std::unique_ptr<PieceDecoder> decoder_;
};

}  // namespace accllm
