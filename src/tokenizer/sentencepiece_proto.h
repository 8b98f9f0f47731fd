// Our own reading of a sentencepiece ModelProto.
//
// The sentencepiece library trusts its input: some damaged models make it read out of bounds, and
// some make it exit. So every model is checked here first, field by field, and the library only
// gets the fields that were checked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace accllm {

enum class PieceType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct SentencePieceModel {
  struct Piece {
    std::string text;  // valid UTF-8, unique, without NUL
    PieceType type = PieceType::kNormal;
    uint8_t byte = 0;  // of kByte
    float score = 0;
  };

  std::vector<Piece> pieces;  // by id; exactly one is kUnknown
  bool is_bpe = false;        // else unigram
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  std::string chars_map;                       // checked normalisation rules; empty: none
  std::string unk_surface = " \xE2\x81\x87 ";  // what the unknown piece decodes to

  // The ModelProto to load: pieces, trainer and normaliser of the input, byte for byte.
  std::string checked_proto;
};

// Reads and checks a tokenizer.model; `path` is the file that errors name.
// Errors: kCorrupt for anything the format or the library does not allow, kUnsupported for model
// types other than unigram and BPE, for denormalisation rules and for white space as a suffix.
Result<SentencePieceModel> ParseSentencePieceModel(std::span<const uint8_t> bytes,
                                                   const std::string& path);

}  // namespace accllm
