#include "checkpoint/tokenizer_json.h"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_fields.h"
#include "checkpoint/pre_tokenizers.h"

namespace accllm {
namespace {

constexpr JsonLimits kLimits = {
    .max_bytes = size_t{64} << 20, .max_values = size_t{1} << 22, .max_depth = 16};
constexpr std::string_view kRemedy = "only byte-level BPE tokenizers of known kinds can be written";

bool IsAdded(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUserDefined;
}

// A list of JSON values with commas between them.
class JsonList {
 public:
  void Add(std::string_view value) {
    if (!text_.empty()) text_ += ',';
    text_ += value;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Throws nlohmann's exception for a text that is not UTF-8.
std::string Quote(std::string_view text) { return nlohmann::json(text).dump(); }

std::string PreTokenizerJson(const PreTokenizer& pre) {
  JsonList steps;
  for (const std::string_view pattern : pre.patterns) {
    steps.Add(fmt::format(
        R"({{"type":"Split","pattern":{{"Regex":{}}},"behavior":"Isolated","invert":false}})",
        Quote(pattern)));
  }
  steps.Add(
      R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})");
  return fmt::format(R"({{"type":"Sequence","pretokenizers":[{}]}})", steps.text());
}

std::string AddedTokenJson(size_t id, const VocabularyToken& token) {
  return fmt::format(R"({{"id":{},"content":{},"single_word":false,"lstrip":false,)"
                     R"("rstrip":false,"normalized":false,"special":{}}})",
                     id, Quote(token.text), token.type == TokenType::kControl);
}

std::string VocabularyJson(const BpeVocabulary& vocabulary) {
  JsonList added;
  JsonList vocab;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const VocabularyToken& token = vocabulary.tokens[id];
    if (IsAdded(token.type)) {
      added.Add(AddedTokenJson(id, token));
    } else {
      vocab.Add(fmt::format("{}:{}", Quote(token.text), id));
    }
  }
  JsonList merges;
  for (const std::string& merge : vocabulary.merges) merges.Add(Quote(merge));
  return fmt::format(
      R"({{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{}],)"
      R"("normalizer":{},"pre_tokenizer":{},"post_processor":null,)"
      R"("decoder":{{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,)"
      R"("use_regex":false}},"model":{{"type":"BPE","dropout":null,"unk_token":null,)"
      R"("continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,)"
      R"("byte_fallback":false,"ignore_merges":{},"vocab":{{{}}},"merges":[{}]}}}})",
      added.text(), vocabulary.pre->normalizes_nfc ? R"({"type":"NFC"})" : "null",
      PreTokenizerJson(*vocabulary.pre), vocabulary.pre->ignore_merges, vocab.text(),
      merges.text());
}

tl::unexpected<Error> Unsupported(const JsonObject& fields, std::string_view key) {
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} is {}", fields.Where(key), fields.Excerpt(key)),
              std::string(kRemedy));
}

// A boolean field, or what holds without it.
Result<bool> BoolOr(const JsonObject& fields, std::string_view key, bool fallback) {
  if (!fields.Has(key)) return fallback;
  return fields.Bool(key);
}

// Appends the patterns that one step of the pre-tokenizer cuts by.
Status AddPatterns(const JsonObject& step, std::vector<std::string>* patterns) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, step.String("type"));
  if (type == "ByteLevel") {
    ACCLLM_ASSIGN_OR_RETURN(const bool adds_space, BoolOr(step, "add_prefix_space", true));
    ACCLLM_ASSIGN_OR_RETURN(const bool use_regex, BoolOr(step, "use_regex", true));
    if (adds_space) return Unsupported(step, "add_prefix_space");
    if (use_regex) patterns->emplace_back(kByteLevelPattern);
    return {};
  }
  if (type == "Digits") {
    ACCLLM_ASSIGN_OR_RETURN(const bool alone, BoolOr(step, "individual_digits", false));
    patterns->emplace_back(alone ? R"(\p{N})" : R"(\p{N}+)");
    return {};
  }
  if (type != "Split") return Unsupported(step, "type");
  ACCLLM_ASSIGN_OR_RETURN(const std::string behavior, step.String("behavior"));
  ACCLLM_ASSIGN_OR_RETURN(const bool invert, BoolOr(step, "invert", false));
  if (behavior != "Isolated") return Unsupported(step, "behavior");
  if (invert) return Unsupported(step, "invert");
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject pattern, step.Object("pattern"));
  ACCLLM_ASSIGN_OR_RETURN(std::string regex, pattern.String("Regex"));
  patterns->push_back(std::move(regex));
  return {};
}

Result<const PreTokenizer*> ReadPreTokenizer(const JsonObject& root, const JsonObject& model) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject pre, root.Object("pre_tokenizer"));
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, pre.String("type"));
  std::vector<JsonObject> steps = {pre};
  if (type == "Sequence") {
    ACCLLM_ASSIGN_OR_RETURN(steps, pre.Objects("pretokenizers"));
  }
  std::vector<std::string> patterns;
  for (const JsonObject& step : steps) ACCLLM_RETURN_IF_ERROR(AddPatterns(step, &patterns));
  bool has_nfc = false;
  if (root.Has("normalizer")) {
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject normalizer, root.Object("normalizer"));
    ACCLLM_ASSIGN_OR_RETURN(const std::string name, normalizer.String("type"));
    if (name != "NFC") return Unsupported(normalizer, "type");
    has_nfc = true;
  }
  ACCLLM_ASSIGN_OR_RETURN(const bool ignore_merges, BoolOr(model, "ignore_merges", false));
  const PreTokenizer* match = MatchPreTokenizer(patterns, ignore_merges, has_nfc);
  if (match != nullptr) return match;
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} cuts words in a way that has no name in GGUF: [{}]",
                          root.Where("pre_tokenizer"), fmt::join(patterns, "] [")),
              std::string(kRemedy));
}

Status CheckModel(const JsonObject& model) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, model.String("type"));
  if (type != "BPE") return Unsupported(model, "type");
  ACCLLM_ASSIGN_OR_RETURN(const bool byte_fallback, BoolOr(model, "byte_fallback", false));
  if (byte_fallback) return Unsupported(model, "byte_fallback");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(const std::string affix, model.String(key));
    if (!affix.empty()) return Unsupported(model, key);
  }
  return {};
}

Status ReadTokens(const JsonObject& root, const JsonObject& model, int64_t n_tokens,
                  std::vector<VocabularyToken>* tokens) {
  tokens->resize(static_cast<size_t>(n_tokens));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject vocab, model.Object("vocab"));
  const IntRange ids = {0, n_tokens - 1};
  for (std::string& text : vocab.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const int64_t id, vocab.Int(text, ids));
    (*tokens)[static_cast<size_t>(id)].text = std::move(text);
  }
  if (root.Has("added_tokens")) {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> added, root.Objects("added_tokens"));
    for (const JsonObject& entry : added) {
      ACCLLM_ASSIGN_OR_RETURN(const int64_t id, entry.Int("id", ids));
      VocabularyToken& token = (*tokens)[static_cast<size_t>(id)];
      ACCLLM_ASSIGN_OR_RETURN(token.text, entry.String("content"));
      ACCLLM_ASSIGN_OR_RETURN(const bool is_special, BoolOr(entry, "special", false));
      token.type = is_special ? TokenType::kControl : TokenType::kUserDefined;
    }
  }
  for (size_t id = 0; id < tokens->size(); ++id) {
    if ((*tokens)[id].text.empty()) (*tokens)[id] = PaddingToken(static_cast<int64_t>(id));
  }
  return {};
}

// Older files have "left right", newer ones ["left", "right"].
Result<std::vector<std::string>> ReadMerges(const JsonObject& model) {
  ACCLLM_ASSIGN_OR_RETURN(const auto pairs, model.StringTuples("merges"));
  std::vector<std::string> joined;
  for (const std::vector<std::string>& pair : pairs) {
    joined.push_back(fmt::format("{}", fmt::join(pair, " ")));
  }
  return joined;
}

Result<bool> AddsBos(const JsonObject& root) {
  if (!root.Has("post_processor")) return false;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject processor, root.Object("post_processor"));
  std::vector<JsonObject> steps = {processor};
  if (processor.IsArray("processors")) {
    ACCLLM_ASSIGN_OR_RETURN(steps, processor.Objects("processors"));
  }
  for (const JsonObject& step : steps) {
    if (!step.IsArray("single")) continue;
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> pieces, step.Objects("single"));
    if (!pieces.empty() && pieces.front().Has("SpecialToken")) return true;
  }
  return false;
}

}  // namespace

VocabularyToken PaddingToken(int64_t id) {
  return {fmt::format("[PAD{}]", id), TokenType::kUnused, -1000.0F};
}

Result<std::string> ToTokenizerJson(const BpeVocabulary& vocabulary, const std::string& path) {
  try {
    return VocabularyJson(vocabulary);
  } catch (const nlohmann::json::exception&) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: a token is not valid UTF-8", path),
                "fetch the file again");
  }
}

Result<TokenizerJson> FromTokenizerJson(std::string_view json, const std::string& path,
                                        int64_t n_tokens) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject root, JsonObject::Parse(json, path, kLimits));
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject model, root.Object("model"));
  ACCLLM_RETURN_IF_ERROR(CheckModel(model));
  TokenizerJson tokenizer;
  ACCLLM_ASSIGN_OR_RETURN(tokenizer.vocabulary.pre, ReadPreTokenizer(root, model));
  ACCLLM_RETURN_IF_ERROR(ReadTokens(root, model, n_tokens, &tokenizer.vocabulary.tokens));
  ACCLLM_ASSIGN_OR_RETURN(tokenizer.vocabulary.merges, ReadMerges(model));
  ACCLLM_ASSIGN_OR_RETURN(tokenizer.adds_bos, AddsBos(root));
  return tokenizer;
}

}  // namespace accllm
