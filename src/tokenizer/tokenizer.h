// Text to token ids and back, by a sentencepiece model (unigram or BPE).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace accllm {

class Tokenizer {
 public:
  // Loads the bytes of a tokenizer.model; `path` is the file that errors name.
  // Errors: kCorrupt, kUnsupported, kOutOfMemory. Silences sentencepiece's log for the process.
  static Result<Tokenizer> FromSentencePiece(std::span<const uint8_t> model_bytes,
                                             const std::string& path);

  Tokenizer(Tokenizer&& other) noexcept;
  Tokenizer& operator=(Tokenizer&& other) noexcept;
  ~Tokenizer();

  // Ids of a text of at most kMaxTextBytes, without BOS or EOS. Bytes that are not UTF-8 count as
  // U+FFFD. Safe to call from several threads.
  std::vector<int32_t> Encode(std::string_view text) const;
  static constexpr size_t kMaxTextBytes = size_t{1} << 28;

  // For each line of `text` its ids, then the id of the byte token <0x0A>; a last line without a
  // newline counts too. Long texts are shared among all CPUs.
  // Errors: kUnsupported if the vocabulary has no byte tokens.
  Result<std::vector<int32_t>> EncodeLines(std::string_view text) const;

  // The text of `ids`, always valid UTF-8. Control tokens and ids outside the vocabulary have none.
  std::string Decode(std::span<const int32_t> ids) const;

  // The piece as the vocabulary spells it ("▁the", "<0x0A>"); empty outside the vocabulary.
  std::string Piece(int32_t id) const;

  int64_t vocab_size() const;
  int32_t bos_id() const;  // -1 if the vocabulary has none
  int32_t eos_id() const;  // -1 if the vocabulary has none
  int32_t unk_id() const;

 private:
  friend class StreamingDecoder;
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  void AppendLines(std::string_view text, std::vector<int32_t>* ids) const;

  std::unique_ptr<State> state_;
};

// Decodes ids one at a time. Together, the returned texts equal Tokenizer::Decode of all ids.
class StreamingDecoder {
 public:
  // `tokenizer` must outlive the decoder and stay where it is.
  explicit StreamingDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  // The text that `id` completes: whole code points only. Byte tokens are held back until their
  // code point is complete; bytes that cannot be completed become U+FFFD.
  std::string Push(int32_t id);

  // What was held back, as U+FFFD per byte. The next Push starts a new text.
  std::string Flush();

 private:
  std::string DecodePiece(int32_t id);
  void DrainBytes(bool is_final, std::string* text);

  const Tokenizer* tokenizer_;
  std::string pending_bytes_;
  bool is_start_ = true;        // leading white space is still to be removed
  bool removed_space_ = false;  // the last piece lost its leading space
  bool has_text_ = false;       // something was returned since the start
};

}  // namespace accllm
