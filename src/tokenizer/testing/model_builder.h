// Builds small sentencepiece models, good and bad, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/sentencepiece_proto.h"

namespace accllm::testing {

// Fields of a protobuf message in wire format.
std::string VarintField(uint32_t number, uint64_t value);
std::string FloatField(uint32_t number, float value);
std::string BytesField(uint32_t number, std::string_view bytes);

// One entry of ModelProto.pieces.
std::string PieceField(std::string_view text, float score, PieceType type);

// Normalisation rules from byte strings to texts as a precompiled_charsmap.
std::string CharsMap(const std::vector<std::pair<std::string, std::string>>& rules);

struct TestModel {
  bool is_bpe = true;
  bool byte_fallback = true;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = false;
  std::string chars_map = {};                  // empty: none
  std::vector<std::string> user_defined = {};  // extra symbols
};

// The pieces of a model whose normal pieces are the letters a to h, the space mark and some pairs:
// <unk>, <s>, </s>, then 256 bytes if byte_fallback.
std::string TestPieces(const TestModel& model);

std::string TestModelBytes(const TestModel& model = {});

}  // namespace accllm::testing
