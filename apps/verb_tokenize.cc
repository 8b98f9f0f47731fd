// accllm tokenize: from text to token ids and back.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "base/file_io.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

constexpr size_t kMagicBytes = 4;

struct TokenizeFlags {
  std::string model;
  std::string prompt;
  std::string text;
  bool parse_special = false;
  bool bos = false;
  bool decode = false;
  bool json = false;
};

// A tokenizer with the BOS of its model.
struct Source {
  std::optional<ModelSource> model;
  std::optional<Tokenizer> file;

  const Tokenizer& tokenizer() const { return file ? *file : *model->tokenizer(); }
  int64_t bos_id() const { return file ? file->bos_id() : model->config().bos_token_id; }
};

// A packed file or a GGUF file, by its first bytes.
bool IsModelFile(const std::string& path) {
  std::string start(kMagicBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), std::ssize(start));
  return start == "ACCL" || start == "GGUF";
}

Result<Source> OpenSource(const std::string& path) {
  Source source;
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error) && !IsModelFile(path)) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string bytes, ReadTokenizerFile(path));
    ACCLLM_ASSIGN_OR_RETURN(Tokenizer tokenizer, LoadTokenizer(bytes, path));
    source.file.emplace(std::move(tokenizer));
    return source;
  }
  ACCLLM_ASSIGN_OR_RETURN(source.model, ModelSource::Open(path));
  ACCLLM_RETURN_IF_ERROR(source.model->RequireTokenizer("name a tokenizer.json instead"));
  return source;
}

Result<std::string> ReadText(const TokenizeFlags& flags) {
  constexpr auto kMaxBytes = static_cast<int64_t>(Tokenizer::kMaxTextBytes);
  if (!flags.prompt.empty() && !flags.text.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "there is more than one text",
                "give one of --prompt and --text");
  }
  if (!flags.prompt.empty()) return flags.prompt;
  if (!flags.text.empty()) return ReadTextFile(flags.text, kMaxBytes);
  std::string text;
  std::string buffer(size_t{1} << 16, '\0');
  while (std::cin.read(buffer.data(), std::ssize(buffer)) || std::cin.gcount() > 0) {
    text.append(buffer, 0, static_cast<size_t>(std::cin.gcount()));
    if (text.size() > Tokenizer::kMaxTextBytes) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("stdin: more than {} bytes", Tokenizer::kMaxTextBytes),
                  "cut the text into parts");
    }
  }
  return text;
}

// Ids separated by spaces, commas or newlines.
Result<std::vector<int32_t>> ParseIds(std::string_view text) {
  constexpr std::string_view kSeparators = " ,\t\r\n";
  std::vector<int32_t> ids;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kSeparators), text.size()));
    if (text.empty()) return ids;
    const std::string_view word = text.substr(0, text.find_first_of(kSeparators));
    int32_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no token id", word),
                  "give ids with spaces or commas between them");
    }
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
}

Status PrintIds(const TokenizeFlags& flags, const Tokenizer& tokenizer,
                const std::vector<int32_t>& ids) {
  if (flags.json) {
    Json pieces = Json::array();
    for (const int32_t id : ids) pieces.push_back(tokenizer.Piece(id));
    return PrintJson({{"tokens", ids}, {"pieces", std::move(pieces)}});
  }
  std::string lines;
  for (const int32_t id : ids) lines += fmt::format("{}\t{}\n", id, tokenizer.Piece(id));
  return PrintText(lines);
}

Status RunTokenize(const TokenizeFlags& flags) {
  if (flags.decode && (flags.parse_special || flags.bos)) {
    return Fail(ErrorCode::kInvalidArgument, "--decode excludes --parse-special and --bos",
                "leave them out");
  }
  ACCLLM_ASSIGN_OR_RETURN(const Source source, OpenSource(flags.model));
  const Tokenizer& tokenizer = source.tokenizer();
  ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadText(flags));
  if (flags.decode) {
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, ParseIds(text));
    const std::string decoded = tokenizer.Decode(ids);
    return flags.json ? PrintJson({{"text", decoded}, {"tokens", ids}}) : PrintText(decoded);
  }
  std::vector<int32_t> ids =
      tokenizer.Encode(text, flags.parse_special ? SpecialTokens::kParse : SpecialTokens::kAsText);
  if (flags.bos) {
    if (source.bos_id() < 0) {
      return Fail(ErrorCode::kUnsupported, fmt::format("{}: has no BOS", flags.model),
                  "leave out --bos");
    }
    ids.insert(ids.begin(), static_cast<int32_t>(source.bos_id()));
  }
  return PrintIds(flags, tokenizer, ids);
}

}  // namespace

VerbBody DeclareTokenize(OptionTable& table) {
  auto flags = std::make_shared<TokenizeFlags>();
  table.Positional("MODEL", flags->model,
                   "Packed file (.acc), checkpoint folder, tokenizer.json or tokenizer.model");
  table.Exclusive({
      table.Value("-p,--prompt", "TEXT", flags->prompt,
                  "The text; without it and --text, what comes from stdin"),
      table.Value("--text", "FILE", flags->text, "The same from a file"),
  });
  const OptionRef parse_special =
      table.Flag("--parse-special", flags->parse_special,
                 "Names of special tokens in the text, such as </s>, become those tokens");
  const OptionRef bos = table.Flag("--bos", flags->bos, "Put the model's BOS first");
  const OptionRef decode =
      table.Flag("--decode", flags->decode, "The text is token ids; print what they stand for");
  table.Exclusive({decode, parse_special});
  table.Exclusive({decode, bos});
  table.Json(flags->json);
  table.Examples({"accllm tokenize model.acc -p \"Call me Ishmael.\"",
                  "accllm tokenize llama-3/tokenizer.json --parse-special --text chat.txt --json",
                  "echo 352 390 383 | accllm tokenize models/books-6m --decode"});
  return [flags] { return RunTokenize(*flags); };
}

}  // namespace accllm::cli
