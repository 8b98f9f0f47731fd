#include "tokenizer/testing/model_builder.h"

#include <fmt/format.h>

#include <bit>
#include <map>

#include "tokenizer/utf8.h"

namespace accllm::testing {
namespace {

constexpr uint32_t kNoEdge = 0x80000000;  // a unit that no key byte matches

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(0x80 | (value & 0x7F)));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

void AppendU32(uint32_t value, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(value >> shift));
}

// A Darts-clone double array in which every node has 256 units of its own for its children.
class TrieBuilder {
 public:
  // Adds a key with the value of its leaf.
  void Add(std::string_view key, uint32_t value) {
    uint32_t node = 0;
    for (const char c : key) node = Child(node, static_cast<uint8_t>(c));
    units_[node] |= 1U << 8;  // has a leaf
    units_[Block(node)] = kNoEdge | value;
  }

  std::string Bytes() const {
    std::string bytes;
    for (const uint32_t unit : units_) AppendU32(unit, &bytes);
    return bytes;
  }

 private:
  // First unit of the node's children.
  uint32_t Block(uint32_t node) {
    const auto [it, is_new] =
        blocks_.emplace(node, (static_cast<uint32_t>(units_.size()) + 255) / 256 * 256);
    if (is_new) {
      units_.resize(it->second + 256, kNoEdge);
      units_[node] |= (node ^ it->second) << 10;
    }
    return it->second;
  }

  uint32_t Child(uint32_t node, uint8_t label) {
    const uint32_t child = Block(node) + label;
    if (units_[child] == kNoEdge) units_[child] = label;
    return child;
  }

  std::vector<uint32_t> units_ = {0};  // the root
  std::map<uint32_t, uint32_t> blocks_;
};

}  // namespace

std::string VarintField(uint32_t number, uint64_t value) {
  return Varint(number << 3) + Varint(value);
}

std::string FloatField(uint32_t number, float value) {
  std::string bytes = Varint(number << 3 | 5U);
  AppendU32(std::bit_cast<uint32_t>(value), &bytes);
  return bytes;
}

std::string BytesField(uint32_t number, std::string_view bytes) {
  return Varint(number << 3 | 2U) + Varint(bytes.size()) + std::string(bytes);
}

std::string PieceField(std::string_view text, float score, PieceType type) {
  return BytesField(
      1, BytesField(1, text) + FloatField(2, score) + VarintField(3, static_cast<uint64_t>(type)));
}

std::string CharsMap(const std::vector<std::pair<std::string, std::string>>& rules) {
  TrieBuilder trie;
  std::string replacements;
  for (const auto& [key, text] : rules) {
    trie.Add(key, static_cast<uint32_t>(replacements.size()));
    replacements += text + '\0';
  }
  const std::string trie_bytes = trie.Bytes();
  std::string blob;
  AppendU32(static_cast<uint32_t>(trie_bytes.size()), &blob);
  return blob + trie_bytes + replacements;
}

std::string TestPieces(const TestModel& model) {
  std::string pieces = PieceField("<unk>", 0, PieceType::kUnknown) +
                       PieceField("<s>", 0, PieceType::kControl) +
                       PieceField("</s>", 0, PieceType::kControl);
  for (int byte = 0; model.byte_fallback && byte < 256; ++byte) {
    pieces += PieceField(fmt::format("<0x{:02X}>", byte), 0, PieceType::kByte);
  }
  for (const std::string& symbol : model.user_defined) {
    pieces += PieceField(symbol, 0, PieceType::kUserDefined);
  }
  const std::string mark(kSpaceMark);
  float score = 0;
  for (const std::string& text :
       {mark + "a", mark + "b", std::string("ab"), mark + "ab", std::string("abc"),
        std::string("cd"), mark + "abcd", mark, std::string("a"), std::string("b"),
        std::string("c"), std::string("d"), std::string("e"), std::string("f"), std::string("g"),
        std::string("h"), std::string("\xC3\xA9"), std::string("\xE2\x82\xAC")}) {
    pieces += PieceField(text, score -= 1, PieceType::kNormal);
  }
  return pieces;
}

std::string TestModelBytes(const TestModel& model) {
  const std::string trainer =
      VarintField(3, model.is_bpe ? 2 : 1) + VarintField(35, model.byte_fallback ? 1 : 0);
  std::string normalizer = VarintField(3, model.add_dummy_prefix ? 1 : 0) +
                           VarintField(4, model.remove_extra_whitespaces ? 1 : 0);
  if (!model.chars_map.empty()) normalizer += BytesField(2, model.chars_map);
  return TestPieces(model) + BytesField(2, trainer) + BytesField(3, normalizer);
}

}  // namespace accllm::testing
