// What every kind of vocabulary does for Tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace accllm {

// The state of decoding one text.
class PieceDecoder {
 public:
  virtual ~PieceDecoder() = default;
  PieceDecoder() = default;
  PieceDecoder(const PieceDecoder&) = delete;
  PieceDecoder& operator=(const PieceDecoder&) = delete;

  // As StreamingDecoder's.
  virtual std::string Push(int32_t id) = 0;
  virtual std::string Flush() = 0;
};

// Const and safe to call from several threads.
class TokenizerBackend {
 public:
  virtual ~TokenizerBackend() = default;
  TokenizerBackend() = default;
  TokenizerBackend(const TokenizerBackend&) = delete;
  TokenizerBackend& operator=(const TokenizerBackend&) = delete;

  // Appends the ids of `text`.
  virtual void Encode(std::string_view text, SpecialTokens special,
                      std::vector<int32_t>* ids) const = 0;

  // The backend must outlive the decoder.
  virtual std::unique_ptr<PieceDecoder> NewDecoder() const = 0;

  virtual std::string Piece(int32_t id) const = 0;
  virtual int64_t vocab_size() const = 0;
  virtual int32_t bos_id() const = 0;
  virtual int32_t eos_id() const = 0;
  virtual int32_t unk_id() const = 0;
  virtual int32_t newline_id() const = 0;  // the token of '\n' alone, -1: none
  virtual bool adds_bos() const = 0;
};

}  // namespace accllm
