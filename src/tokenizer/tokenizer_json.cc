#include "tokenizer/tokenizer_json.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_piece.h"

namespace accllm {
namespace {

constexpr JsonLimits kLimits = {size_t{64} << 20, size_t{1} << 23, 24};
constexpr int64_t kMaxIds = int64_t{1} << 20;
constexpr size_t kMaxAddedTokens = size_t{1} << 16;
constexpr size_t kMaxAddedBytes = 1024;

// "left right" or ["left", "right"].
std::optional<std::pair<std::string_view, std::string_view>> PairOf(
    const std::vector<std::string>& tuple) {
  if (tuple.size() == 2) return std::pair<std::string_view, std::string_view>(tuple[0], tuple[1]);
  if (tuple.size() != 1) return std::nullopt;
  const std::string_view text = tuple[0];
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return std::pair{text.substr(0, space), text.substr(space + 1)};
}

class Parser {
 public:
  explicit Parser(JsonObject root) : root_(std::move(root)) {}

  Result<TokenizerSpec> Parse();

 private:
  Status ParseModel();
  Status CheckModelFields(const JsonObject& model) const;
  Status ParseVocabulary(const JsonObject& model);
  Status ParseMerges(const JsonObject& model);
  Status ParseUnknown(const JsonObject& model);
  Status ParseAddedTokens();
  Result<AddedToken> ParseAddedToken(const JsonObject& object);
  Status ParsePostProcessor();
  void UseByteLevel();
  void FindSpecialIds();
  Status SetPiece(int32_t id, const std::string& text, const std::string& where);
  int32_t IdOf(std::string_view text) const;

  JsonObject root_;
  TokenizerSpec spec_;
};

int32_t Parser::IdOf(std::string_view text) const {
  const auto it = spec_.bpe.ids.find(text);
  return it == spec_.bpe.ids.end() ? -1 : it->second;
}

Status Parser::SetPiece(int32_t id, const std::string& text, const std::string& where) {
  const auto index = static_cast<size_t>(id);
  if (index >= spec_.pieces.size()) spec_.pieces.resize(index + 1);
  if (!spec_.pieces[index].empty()) {
    return Fail(
        ErrorCode::kCorrupt,
        fmt::format("{}: '{}' and '{}' both have id {}", where, spec_.pieces[index], text, id),
        "restore the file");
  }
  spec_.pieces[index] = text;
  return {};
}

// Fields that change how words become ids and that no supported model sets.
Status Parser::CheckModelFields(const JsonObject& model) const {
  if (model.Has("type")) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string type, model.String("type"));
    if (type != "BPE") {
      return Fail(ErrorCode::kUnsupported, fmt::format("{} is \"{}\"", model.Where("type"), type),
                  "supported: BPE");
    }
  }
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(const std::string value, model.String(key));
    if (!value.empty()) {
      return Fail(ErrorCode::kUnsupported, fmt::format("{} is \"{}\"", model.Where(key), value),
                  "supported: null");
    }
  }
  if (model.Has("dropout")) {
    ACCLLM_ASSIGN_OR_RETURN(const double dropout, model.Number("dropout"));
    if (dropout != 0) {
      return Fail(ErrorCode::kUnsupported, fmt::format("{} is {}", model.Where("dropout"), dropout),
                  "supported: null");
    }
  }
  return {};
}

Status Parser::ParseVocabulary(const JsonObject& model) {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject vocab, model.Object("vocab"));
  const std::string where = model.Where("vocab");
  for (const std::string& text : vocab.Keys()) {
    ACCLLM_ASSIGN_OR_RETURN(const int64_t id, vocab.Int(text, {0, kMaxIds - 1}));
    if (text.empty()) continue;  // no text becomes it
    ACCLLM_RETURN_IF_ERROR(SetPiece(static_cast<int32_t>(id), text, where));
    spec_.bpe.ids.emplace(text, static_cast<int32_t>(id));
  }
  return {};
}

// The first merge is the best.
Status Parser::ParseMerges(const JsonObject& model) {
  ACCLLM_ASSIGN_OR_RETURN(const auto tuples, model.StringTuples("merges"));
  const auto corrupt = [&model](size_t i, std::string_view what) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: merge {} {}", model.Where("merges"), i, what),
                "restore the file");
  };
  spec_.bpe.merges.reserve(tuples.size());
  for (size_t i = 0; i < tuples.size(); ++i) {
    const auto pair = PairOf(tuples[i]);
    if (!pair) return corrupt(i, "is not a pair");
    const auto& [left, right] = *pair;
    const BpeMerger::Merge merge = {IdOf(left), IdOf(right), static_cast<int32_t>(i),
                                    IdOf(std::string(left).append(right))};
    if (merge.left < 0 || merge.right < 0 || merge.result < 0) {
      return corrupt(
          i, fmt::format("joins '{}' and '{}', not all of it in the vocabulary", left, right));
    }
    spec_.bpe.merges.push_back(merge);
  }
  return {};
}

Status Parser::ParseUnknown(const JsonObject& model) {
  if (model.Has("unk_token")) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string unk, model.String("unk_token"));
    spec_.bpe.unk_id = IdOf(unk);
  }
  for (const auto& [key, target] :
       {std::pair{"fuse_unk", &spec_.bpe.fuse_unk}, {"ignore_merges", &spec_.bpe.ignore_merges}}) {
    if (!model.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(*target, model.Bool(key));
  }
  if (!model.Has("byte_fallback")) return {};
  ACCLLM_ASSIGN_OR_RETURN(const bool falls_back, model.Bool("byte_fallback"));
  for (size_t byte = 0; falls_back && byte < spec_.bpe.fallback_ids.size(); ++byte) {
    spec_.bpe.fallback_ids[byte] = IdOf(PieceOfByte(static_cast<uint8_t>(byte)));
  }
  return {};
}

Status Parser::ParseModel() {
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject model, root_.Object("model"));
  ACCLLM_RETURN_IF_ERROR(CheckModelFields(model));
  ACCLLM_RETURN_IF_ERROR(ParseVocabulary(model));
  ACCLLM_RETURN_IF_ERROR(ParseMerges(model));
  return ParseUnknown(model);
}

Result<AddedToken> Parser::ParseAddedToken(const JsonObject& object) {
  AddedToken token;
  ACCLLM_ASSIGN_OR_RETURN(token.content, object.String("content"));
  if (token.content.empty() || token.content.size() > kMaxAddedBytes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} has {} bytes", object.Where("content"), token.content.size()),
                fmt::format("supported: 1 to {}", kMaxAddedBytes));
  }
  ACCLLM_ASSIGN_OR_RETURN(const int64_t id, object.Int("id", {0, kMaxIds - 1}));
  // The vocabulary has the last word where it has one.
  token.id = IdOf(token.content);
  if (token.id < 0) {
    token.id = static_cast<int32_t>(id);
    ACCLLM_RETURN_IF_ERROR(SetPiece(token.id, token.content, object.Where("id")));
  }
  for (const auto& [key, target] : {std::pair{"special", &token.is_special},
                                    {"single_word", &token.is_single_word},
                                    {"lstrip", &token.takes_left_space},
                                    {"rstrip", &token.takes_right_space},
                                    {"normalized", &token.is_normalized}}) {
    if (!object.Has(key)) continue;
    ACCLLM_ASSIGN_OR_RETURN(*target, object.Bool(key));
  }
  return token;
}

Status Parser::ParseAddedTokens() {
  if (!root_.Has("added_tokens")) return {};
  ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> objects, root_.Objects("added_tokens"));
  if (objects.size() > kMaxAddedTokens) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} has {} elements", root_.Where("added_tokens"), objects.size()),
                fmt::format("supported: at most {}", kMaxAddedTokens));
  }
  for (const JsonObject& object : objects) {
    ACCLLM_ASSIGN_OR_RETURN(AddedToken token, ParseAddedToken(object));
    spec_.added_tokens.push_back(std::move(token));
  }
  return {};
}

// The vocabulary's spelling of bytes becomes the bytes. What is not spelled so is never the result
// of a text.
void Parser::UseByteLevel() {
  spec_.bpe.byte_level = true;
  spec_.bpe.fallback_ids = BpeSpec::NoBytes();
  StringIds ids;
  for (const auto& [text, id] : spec_.bpe.ids) {
    if (auto bytes = BytesOfSpelling(text)) ids.emplace(std::move(*bytes), id);
  }
  spec_.bpe.ids = std::move(ids);
}

// Only whether texts start with a token, and with which, matters here.
Status Parser::ParsePostProcessor() {
  if (!root_.Has("post_processor")) return {};
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject first, root_.Object("post_processor"));
  std::vector<JsonObject> processors = {first};
  if (first.Has("processors")) {
    ACCLLM_ASSIGN_OR_RETURN(processors, first.Objects("processors"));
  }
  for (const JsonObject& processor : processors) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string type, processor.String("type"));
    if (type != "TemplateProcessing") continue;
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<JsonObject> single, processor.Objects("single"));
    if (single.empty() || !single[0].Has("SpecialToken")) continue;
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject token, single[0].Object("SpecialToken"));
    ACCLLM_ASSIGN_OR_RETURN(const std::string name, token.String("id"));
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject tokens, processor.Object("special_tokens"));
    ACCLLM_ASSIGN_OR_RETURN(const JsonObject bos, tokens.Object(name));
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, bos.Ints("ids", {0, kMaxIds - 1}));
    if (ids.size() != 1) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{} has {} elements", bos.Where("ids"), ids.size()), "supported: 1");
    }
    spec_.adds_bos = true;
    spec_.bos_id = static_cast<int32_t>(ids[0]);
  }
  return {};
}

// A tokenizer.json does not say which of its tokens mean start and end: the usual names do.
void Parser::FindSpecialIds() {
  const auto find = [this](std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      const auto token = std::ranges::find(spec_.added_tokens, name, &AddedToken::content);
      if (token != spec_.added_tokens.end()) return token->id;
    }
    return -1;
  };
  if (spec_.bos_id < 0) spec_.bos_id = find({"<s>", "<|begin_of_text|>", "<bos>"});
  spec_.eos_id = find({"</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>", "<|im_end|>"});
}

Result<TokenizerSpec> Parser::Parse() {
  ACCLLM_RETURN_IF_ERROR(ParseModel());
  ACCLLM_RETURN_IF_ERROR(ParseAddedTokens());
  ACCLLM_RETURN_IF_ERROR(ParsePostProcessor());
  FindSpecialIds();
  if (spec_.bos_id >= std::ssize(spec_.pieces)) spec_.bos_id = -1;
  ACCLLM_ASSIGN_OR_RETURN(spec_.normalizer, ParseNormalizer(root_));
  ACCLLM_ASSIGN_OR_RETURN(PreTokenizerSpec pre_tokenizer, ParsePreTokenizer(root_));
  spec_.splitter = std::move(pre_tokenizer.splitter);
  std::vector<bool> is_special(spec_.pieces.size(), false);
  for (const AddedToken& token : spec_.added_tokens) {
    if (token.is_special) is_special[static_cast<size_t>(token.id)] = true;
  }
  ACCLLM_ASSIGN_OR_RETURN(spec_.decoder, ParseDecoder(root_, spec_.pieces, is_special));
  spec_.bpe.n_ids = static_cast<int32_t>(spec_.pieces.size());
  if (pre_tokenizer.is_byte_level) UseByteLevel();
  return std::move(spec_);
}

}  // namespace

Result<TokenizerSpec> ParseTokenizerJson(std::string_view text, const std::string& path) {
  try {
    ACCLLM_ASSIGN_OR_RETURN(JsonObject root, JsonObject::Parse(text, path, kLimits));
    return Parser(std::move(root)).Parse();
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kOutOfMemory, fmt::format("{}: cannot load: {}", path, e.what()));
  }
}

}  // namespace accllm
