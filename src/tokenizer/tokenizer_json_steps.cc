// The steps before and after the vocabulary: normalizer, pre_tokenizer, decoder.
#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_piece.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"

namespace accllm {
namespace {

constexpr size_t kMaxSteps = 32;
// What GPT-2 cuts texts into.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

tl::unexpected<Error> Unsupported(const JsonObject& object, std::string_view key,
                                  std::string_view supported) {
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} is {}", object.Where(key), object.Excerpt(key)),
              fmt::format("supported: {}", supported));
}

// The steps of field `key`, which may be absent, one step or a Sequence of them in field `list`.
Status CollectSteps(const JsonObject& parent, std::string_view key, std::string_view list,
                    std::vector<JsonObject>* steps) {
  if (!parent.Has(key)) return {};
  std::vector<JsonObject> todo;
  ACCLLM_ASSIGN_OR_RETURN(JsonObject first, parent.Object(key));
  todo.push_back(std::move(first));
  while (!todo.empty()) {
    JsonObject step = std::move(todo.back());
    todo.pop_back();
    ACCLLM_ASSIGN_OR_RETURN(const std::string type, step.String("type"));
    if (type == "Sequence") {
      ACCLLM_ASSIGN_OR_RETURN(std::vector<JsonObject> inner, step.Objects(list));
      std::ranges::move(inner.rbegin(), inner.rend(), std::back_inserter(todo));
    } else {
      steps->push_back(std::move(step));
    }
    if (steps->size() + todo.size() > kMaxSteps) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{} has more than {} steps", parent.Where(key), kMaxSteps));
    }
  }
  return {};
}

Result<bool> BoolOr(const JsonObject& object, std::string_view key, bool otherwise) {
  if (!object.Has(key)) return otherwise;
  return object.Bool(key);
}

// The field `pattern`: {"String": "x"} or {"Regex": "x+"}.
struct Pattern {
  std::string literal;
  std::optional<SplitRegex> regex;
};

Result<Pattern> ParsePattern(const JsonObject& step) {
  Pattern pattern;
  ACCLLM_ASSIGN_OR_RETURN(const JsonObject object, step.Object("pattern"));
  if (object.Has("Regex")) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string regex, object.String("Regex"));
    ACCLLM_ASSIGN_OR_RETURN(pattern.regex, SplitRegex::Compile(regex, object.Where("Regex")));
    return pattern;
  }
  ACCLLM_ASSIGN_OR_RETURN(pattern.literal, object.String("String"));
  if (pattern.literal.empty()) return Unsupported(object, "String", "a text that is not empty");
  return pattern;
}

Result<NormalizerStep> ParseReplace(const JsonObject& step) {
  NormalizerStep result;
  result.kind = NormalizerStep::Kind::kReplace;
  ACCLLM_ASSIGN_OR_RETURN(Pattern pattern, ParsePattern(step));
  result.literal = std::move(pattern.literal);
  result.regex = std::move(pattern.regex);
  ACCLLM_ASSIGN_OR_RETURN(result.content, step.String("content"));
  return result;
}

Result<NormalizerStep> ParseNormalizerStep(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, step.String("type"));
  NormalizerStep result;
  constexpr std::array<std::pair<std::string_view, UnicodeForm>, 4> kForms = {
      {{"NFC", UnicodeForm::kNfc},
       {"NFD", UnicodeForm::kNfd},
       {"NFKC", UnicodeForm::kNfkc},
       {"NFKD", UnicodeForm::kNfkd}}};
  for (const auto& [name, form] : kForms) {
    if (type != name) continue;
    result.form = form;
    return result;
  }
  if (type == "Replace") return ParseReplace(step);
  if (type != "Prepend") {
    return Unsupported(step, "type", "NFC, NFD, NFKC, NFKD, Prepend, Replace, Sequence");
  }
  result.kind = NormalizerStep::Kind::kPrepend;
  ACCLLM_ASSIGN_OR_RETURN(result.content, step.String("prepend"));
  return result;
}

Result<SplitBehavior> ParseBehavior(const JsonObject& step) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kBehaviors = {
      {{"Removed", SplitBehavior::kRemoved},
       {"Isolated", SplitBehavior::kIsolated},
       {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
       {"MergedWithNext", SplitBehavior::kMergedWithNext},
       {"Contiguous", SplitBehavior::kContiguous}}};
  ACCLLM_ASSIGN_OR_RETURN(const std::string name, step.String("behavior"));
  for (const auto& [known, behavior] : kBehaviors) {
    if (name == known) return behavior;
  }
  return Unsupported(step, "behavior",
                     "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

Result<SplitStep> ParseSplit(const JsonObject& step) {
  SplitStep result;
  ACCLLM_ASSIGN_OR_RETURN(Pattern pattern, ParsePattern(step));
  result.literal = std::move(pattern.literal);
  result.regex = std::move(pattern.regex);
  ACCLLM_ASSIGN_OR_RETURN(result.behavior, ParseBehavior(step));
  ACCLLM_ASSIGN_OR_RETURN(result.is_inverted, BoolOr(step, "invert", false));
  return result;
}

Result<SplitStep> ParseDigits(const JsonObject& step) {
  SplitStep result;
  ACCLLM_ASSIGN_OR_RETURN(const bool individual, BoolOr(step, "individual_digits", false));
  ACCLLM_ASSIGN_OR_RETURN(result.regex, SplitRegex::Compile("\\p{N}", step.Where("type")));
  result.behavior = individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
  return result;
}

Result<SplitStep> ParseByteLevel(const JsonObject& step) {
  SplitStep result;
  result.prefix = " ";
  ACCLLM_ASSIGN_OR_RETURN(const bool prepends, BoolOr(step, "add_prefix_space", true));
  result.prepend = prepends ? PrependScheme::kAlways : PrependScheme::kNever;
  ACCLLM_ASSIGN_OR_RETURN(const bool uses_regex, BoolOr(step, "use_regex", true));
  if (uses_regex) {
    ACCLLM_ASSIGN_OR_RETURN(result.regex, SplitRegex::Compile(kGpt2Pattern, step.Where("type")));
  }
  return result;
}

// Files older than the field prepend_scheme say add_prefix_space.
Result<PrependScheme> ParsePrependScheme(const JsonObject& step) {
  if (!step.Has("prepend_scheme")) {
    ACCLLM_ASSIGN_OR_RETURN(const bool prepends, BoolOr(step, "add_prefix_space", true));
    return prepends ? PrependScheme::kAlways : PrependScheme::kNever;
  }
  ACCLLM_ASSIGN_OR_RETURN(const std::string scheme, step.String("prepend_scheme"));
  if (scheme == "always") return PrependScheme::kAlways;
  if (scheme == "first") return PrependScheme::kFirst;
  if (scheme == "never") return PrependScheme::kNever;
  return Unsupported(step, "prepend_scheme", "always, first, never");
}

// The character that stands for a space.
Result<std::string> ParseReplacement(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(std::string mark, step.String("replacement"));
  if (mark.empty() || Utf8Length(mark[0]) != mark.size()) {
    return Unsupported(step, "replacement", "one character");
  }
  return mark;
}

Result<SplitStep> ParseMetaspace(const JsonObject& step) {
  SplitStep result;
  ACCLLM_ASSIGN_OR_RETURN(const std::string mark, ParseReplacement(step));
  ACCLLM_ASSIGN_OR_RETURN(const bool splits, BoolOr(step, "split", true));
  ACCLLM_ASSIGN_OR_RETURN(result.prepend, ParsePrependScheme(step));
  result.replaced_space = mark;
  result.prefix = mark;
  if (splits) result.literal = mark;
  result.behavior = SplitBehavior::kMergedWithNext;
  return result;
}

Result<SplitStep> ParseSplitStep(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, step.String("type"));
  if (type == "Split") return ParseSplit(step);
  if (type == "Digits") return ParseDigits(step);
  if (type == "ByteLevel") return ParseByteLevel(step);
  if (type == "Metaspace") return ParseMetaspace(step);
  return Unsupported(step, "type", "ByteLevel, Digits, Metaspace, Split, Sequence");
}

// Turns the steps of the decoder into rules, one after the other.
class DecoderParser {
 public:
  explicit DecoderParser(const std::vector<std::string>& pieces) {
    for (const std::string& piece : pieces) rules_.pieces.push_back({piece, false, false});
  }

  Status Add(const JsonObject& step);
  DecoderRules TakeRules() { return std::move(rules_); }

 private:
  enum class Stage { kPieces, kBytes, kWholeText };

  Status AddReplace(const JsonObject& step);
  Status AddMetaspace(const JsonObject& step);
  Status AddStrip(const JsonObject& step);
  void AddByteLevel();
  void AddByteFallback();

  DecoderRules rules_;
  Stage stage_ = Stage::kPieces;
};

Status DecoderParser::AddReplace(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(NormalizerStep replace, ParseReplace(step));
  std::vector<NormalizerStep> steps;
  steps.push_back(std::move(replace));
  const TextNormalizer normalizer(std::move(steps));
  std::string storage;
  for (auto& piece : rules_.pieces)
    piece.text = std::string(normalizer.Apply(piece.text, &storage));
  for (auto& text : rules_.first_pieces) text = std::string(normalizer.Apply(text, &storage));
  return {};
}

Status DecoderParser::AddMetaspace(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string mark, ParseReplacement(step));
  ACCLLM_ASSIGN_OR_RETURN(const PrependScheme scheme, ParsePrependScheme(step));
  if (!rules_.first_pieces.empty()) return Unsupported(step, "type", "one Metaspace");
  const auto replace = [&mark](std::string_view text, std::string_view by) {
    std::string result;
    for (size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark)) {
      result += text.substr(0, at);
      result += by;
      text.remove_prefix(at + mark.size());
    }
    return result.append(text);
  };
  for (auto& piece : rules_.pieces) {
    if (scheme != PrependScheme::kNever) {
      rules_.first_pieces.push_back(replace(piece.text, ""));
    }
    piece.text = replace(piece.text, " ");
  }
  return {};
}

Status DecoderParser::AddStrip(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string content, step.String("content"));
  if (content.empty()) return Unsupported(step, "content", "one character");
  ACCLLM_ASSIGN_OR_RETURN(const int64_t start, step.Int("start", {0, INT32_MAX}));
  ACCLLM_ASSIGN_OR_RETURN(const int64_t stop, step.Int("stop", {0, INT32_MAX}));
  if (stop != 0) return Unsupported(step, "stop", "0");
  if (stage_ != Stage::kWholeText || !rules_.strip.empty()) {
    return Unsupported(step, "type", "one Strip, after Fuse");
  }
  rules_.strip = content;
  rules_.strip_count = start;
  return {};
}

// A piece with other characters than those of the byte alphabet stands for itself.
void DecoderParser::AddByteLevel() {
  for (auto& piece : rules_.pieces) {
    if (auto bytes = BytesOfSpelling(piece.text)) piece.text = std::move(*bytes);
    piece.is_bytes = true;
  }
  rules_.invalid = InvalidUtf8::kEachStart;
}

void DecoderParser::AddByteFallback() {
  for (auto& piece : rules_.pieces) {
    if (const auto byte = ByteOfPiece(piece.text)) {
      piece.text = std::string(1, static_cast<char>(*byte));
      piece.is_bytes = true;
    }
  }
}

Status DecoderParser::Add(const JsonObject& step) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, step.String("type"));
  constexpr std::string_view kSupported =
      "ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, Sequence";
  if (type == "Strip") return AddStrip(step);
  if (type == "Fuse") {
    stage_ = Stage::kWholeText;
    return {};
  }
  const bool is_known =
      type == "Replace" || type == "Metaspace" || type == "ByteLevel" || type == "ByteFallback";
  if (!is_known) return Unsupported(step, "type", kSupported);
  if (stage_ != Stage::kPieces) {
    return Unsupported(step, "type", "this step only before ByteLevel, ByteFallback and Fuse");
  }
  if (type == "Replace") return AddReplace(step);
  if (type == "Metaspace") return AddMetaspace(step);
  if (type == "ByteLevel") {
    AddByteLevel();
    stage_ = Stage::kWholeText;
  } else {
    AddByteFallback();
    stage_ = Stage::kBytes;
  }
  return {};
}

}  // namespace

Result<TextNormalizer> ParseNormalizer(const JsonObject& root) {
  std::vector<JsonObject> objects;
  ACCLLM_RETURN_IF_ERROR(CollectSteps(root, "normalizer", "normalizers", &objects));
  std::vector<NormalizerStep> steps;
  for (const JsonObject& object : objects) {
    ACCLLM_ASSIGN_OR_RETURN(NormalizerStep step, ParseNormalizerStep(object));
    steps.push_back(std::move(step));
  }
  return TextNormalizer(std::move(steps));
}

Result<PreTokenizerSpec> ParsePreTokenizer(const JsonObject& root) {
  std::vector<JsonObject> objects;
  ACCLLM_RETURN_IF_ERROR(CollectSteps(root, "pre_tokenizer", "pretokenizers", &objects));
  std::vector<SplitStep> steps;
  PreTokenizerSpec result;
  for (const JsonObject& object : objects) {
    if (result.is_byte_level) return Unsupported(object, "type", "ByteLevel as the last step");
    ACCLLM_ASSIGN_OR_RETURN(SplitStep step, ParseSplitStep(object));
    steps.push_back(std::move(step));
    ACCLLM_ASSIGN_OR_RETURN(const std::string type, object.String("type"));
    result.is_byte_level = type == "ByteLevel";
  }
  result.splitter = TextSplitter(std::move(steps));
  return result;
}

Result<DecoderRules> ParseDecoder(const JsonObject& root, const std::vector<std::string>& pieces,
                                  const std::vector<bool>& is_special) {
  std::vector<JsonObject> objects;
  ACCLLM_RETURN_IF_ERROR(CollectSteps(root, "decoder", "decoders", &objects));
  if (objects.empty()) {
    return Unsupported(root, "decoder",
                       "ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, Sequence");
  }
  DecoderParser parser(pieces);
  for (const JsonObject& object : objects) ACCLLM_RETURN_IF_ERROR(parser.Add(object));
  DecoderRules rules = parser.TakeRules();
  for (size_t id = 0; id < pieces.size(); ++id) {
    rules.pieces[id].is_skipped = is_special[id] || pieces[id].empty();
  }
  return rules;
}

}  // namespace accllm
