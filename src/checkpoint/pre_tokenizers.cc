#include "checkpoint/pre_tokenizers.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace accllm {

constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr std::array<std::string_view, 1> kGpt2 = {kByteLevelPattern};

// Every digit alone, then as GPT-2.
constexpr std::array<std::string_view, 2> kDigits = {R"(\p{N})", kByteLevelPattern};

constexpr std::array<std::string_view, 1> kLlama3 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"};

constexpr std::array<std::string_view, 1> kQwen2 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"};

constexpr std::array<std::string_view, 1> kTekken = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

// What llama.cpp does with files that name no pre-tokenizer.
constexpr std::array<std::string_view, 4> kDefault = {
    R"([\p{P}\$\+<=>\^~\|]+)",
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", R"(\p{N}+)",
    "[0-9][0-9][0-9]"};

// Of equals the first is the name that files get which are written here.
const std::vector<PreTokenizer>& Table() {
  static const std::vector<PreTokenizer> table = {
      // name, patterns, ignore_merges, normalizes_nfc, adds_bos
      {"llama-bpe", kLlama3, true, false, true},
      {"llama3", kLlama3, true, false, true},
      {"llama-v3", kLlama3, true, false, true},
      {"falcon3", kLlama3, true, false, true},
      {"smaug-bpe", kLlama3, false, false, false},
      {"dbrx", kLlama3, false, false, false},
      {"qwen2", kQwen2, false, true, false},
      {"stablelm2", kQwen2, false, false, false},
      {"deepseek-r1-qwen", kQwen2, false, false, false},
      {"gpt-2", kGpt2, false, false, false},
      {"phi-2", kGpt2, false, false, false},
      {"mpt", kGpt2, false, false, false},
      {"olmo", kGpt2, false, false, false},
      {"smollm", kDigits, false, false, false},
      {"starcoder", kDigits, false, false, false},
      {"refact", kDigits, false, false, false},
      {"command-r", kDigits, false, false, false},
      {"codeshell", kDigits, false, false, false},
      {"tekken", kTekken, true, false, true},
      {"default", kDefault, false, false, false},
  };
  return table;
}

}  // namespace

Result<const PreTokenizer*> FindPreTokenizer(std::string_view name, const std::string& where) {
  const auto entry = std::ranges::find(Table(), name, &PreTokenizer::name);
  if (entry != Table().end()) return &*entry;
  std::vector<std::string_view> names;
  for (const PreTokenizer& known : Table()) names.push_back(known.name);
  return Fail(ErrorCode::kUnsupported, fmt::format("{} is '{}'", where, name),
              fmt::format("known are {}; use the original checkpoint", fmt::join(names, ", ")));
}

const PreTokenizer* MatchPreTokenizer(std::span<const std::string> patterns, bool ignore_merges,
                                      bool normalizes_nfc) {
  const PreTokenizer* match = nullptr;
  for (const PreTokenizer& entry : Table()) {
    if (!std::ranges::equal(entry.patterns, patterns) || entry.ignore_merges != ignore_merges) {
      continue;
    }
    if (entry.normalizes_nfc == normalizes_nfc) return &entry;
    if (match == nullptr) match = &entry;
  }
  return match;
}

}  // namespace accllm
