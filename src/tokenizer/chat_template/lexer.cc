#include "tokenizer/chat_template/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "tokenizer/chat_template/runtime.h"
#include "tokenizer/chat_template/string_literal.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
 public:
  Lexer(std::string_view source, const std::string& path) : source_(source), path_(path) {}

  Result<std::vector<Token>> Run() {
    while (at_ < source_.size()) ACCLLM_RETURN_IF_ERROR(DataAndTag());
    tokens_.push_back({TokenKind::kEnd, "", source_.size()});
    return std::move(tokens_);
  }

 private:
  tl::unexpected<Error> Corrupt(size_t offset, std::string_view message) const {
    return Fail(ErrorCode::kCorrupt, DescribePlace(source_, path_, offset, message));
  }

  bool LooksAt(std::string_view text) const { return source_.substr(at_).starts_with(text); }

  void SkipSpace() { at_ = source_.size() - Strip(source_.substr(at_), Side::kLeft).size(); }

  // The next "{{", "{%" or "{#" from `from` on.
  size_t FindTag(size_t from) const {
    for (size_t at = from; (at = source_.find('{', at)) != std::string_view::npos; ++at) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : ' ';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::string_view::npos;
  }

  // `text` before a tag, as the sign behind the tag's brace wants it.
  std::string_view TrimBeforeTag(std::string_view text, char sign, bool is_print) const {
    if (sign == '-') return Strip(text, Side::kRight);
    if (sign == '+' || is_print) return text;
    const size_t newline = text.rfind('\n');
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const bool starts_line = line > 0 || is_line_start_;
    const bool is_blank = Strip(text.substr(line), Side::kBoth).empty();
    return starts_line && is_blank ? text.substr(0, line) : text;
  }

  void PushData(std::string_view text, size_t offset) {
    if (!text.empty()) tokens_.push_back({TokenKind::kData, std::string(text), offset});
  }

  char TakeSign() {
    if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) return source_[at_++];
    return ' ';
  }

  Status DataAndTag() {
    const size_t begin = at_;
    const size_t tag = FindTag(begin);
    if (tag == std::string_view::npos) {
      PushData(source_.substr(begin), begin);
      at_ = source_.size();
      return {};
    }
    const char kind = source_[tag + 1];
    at_ = tag + 2;
    const char sign = TakeSign();
    PushData(TrimBeforeTag(source_.substr(begin, tag - begin), sign, kind == '{'), begin);
    is_line_start_ = false;
    if (kind == '#') return Comment(tag);
    if (kind == '%' && IsRaw()) return Raw(tag);
    return Tag(tag, kind == '{');
  }

  // The end of a block or comment starts at at_ with its sign: skips it and the whitespace it eats.
  void SkipBlockEnd() {
    const char sign = TakeSign();
    at_ += 2;
    const size_t begin = at_;
    if (sign == '-') SkipSpace();
    if (sign == ' ' && LooksAt("\n")) ++at_;
    is_line_start_ = at_ > begin && source_[at_ - 1] == '\n';
  }

  Status Comment(size_t begin) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) return Corrupt(begin, "a comment without end");
    const bool has_sign = end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+');
    at_ = has_sign ? end - 1 : end;
    SkipBlockEnd();
    return {};
  }

  // Whether "raw %}" follows; then at_ is moved behind it.
  bool IsRaw() {
    const size_t saved = at_;
    SkipSpace();
    if (LooksAt("raw")) {
      at_ += 3;
      SkipSpace();
      const bool is_trimmed = LooksAt("-%}");
      if (is_trimmed || LooksAt("%}")) {
        at_ += is_trimmed ? 3 : 2;
        if (is_trimmed) SkipSpace();
        return true;
      }
    }
    at_ = saved;
    return false;
  }

  Status Raw(size_t begin) {
    const size_t text_begin = at_;
    is_line_start_ = at_ > 0 && source_[at_ - 1] == '\n';
    for (size_t tag = source_.find("{%", at_); tag != std::string_view::npos;
         tag = source_.find("{%", tag + 2)) {
      at_ = tag + 2;
      const char sign = TakeSign();
      SkipSpace();
      if (!LooksAt("endraw")) continue;
      at_ += 6;
      SkipSpace();
      if (!LooksAt("%}") && !LooksAt("-%}") && !LooksAt("+%}")) continue;
      PushData(TrimBeforeTag(source_.substr(text_begin, tag - text_begin), sign, false),
               text_begin);
      SkipBlockEnd();
      return {};
    }
    return Corrupt(begin, "a raw block without end");
  }

  // "{{ ... }}" or "{% ... %}", whose begin was read.
  Status Tag(size_t begin, bool is_print) {
    tokens_.push_back({is_print ? TokenKind::kPrintBegin : TokenKind::kBlockBegin, "", begin});
    const std::string_view end = is_print ? "}}" : "%}";
    std::string open;  // brackets to be closed
    while (true) {
      SkipSpace();
      if (at_ >= source_.size()) return Corrupt(begin, "a tag without end");
      const bool has_sign =
          (LooksAt("-") || (LooksAt("+") && !is_print)) && source_.substr(at_ + 1).starts_with(end);
      if (open.empty() && (has_sign || LooksAt(end))) {
        tokens_.push_back({is_print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd, "", at_});
        if (!is_print) {
          SkipBlockEnd();
          return {};
        }
        at_ += has_sign ? 3 : 2;
        if (has_sign) SkipSpace();
        is_line_start_ = has_sign && source_[at_ - 1] == '\n';
        return {};
      }
      ACCLLM_RETURN_IF_ERROR(TokenOfTag(open));
    }
  }

  Status TokenOfTag(std::string& open) {
    const char c = source_[at_];
    if (IsDigit(c)) return Number();
    if (IsNameStart(c)) {
      const size_t begin = at_;
      while (at_ < source_.size() && (IsNameStart(source_[at_]) || IsDigit(source_[at_]))) ++at_;
      tokens_.push_back({TokenKind::kName, std::string(source_.substr(begin, at_ - begin)), begin});
      return {};
    }
    if (c == '\'' || c == '"') return String(c);
    return Operator(open);
  }

  size_t DigitsFrom(size_t at) const {
    const size_t begin = at;
    while (at < source_.size() &&
           (IsDigit(source_[at]) || (source_[at] == '_' && at > begin && at + 1 < source_.size() &&
                                     IsDigit(source_[at + 1])))) {
      ++at;
    }
    return at;
  }

  Status Number() {
    const size_t begin = at_;
    const bool is_after_dot = begin > 0 && source_[begin - 1] == '.';
    if (source_[begin] == '0' && begin + 1 < source_.size() &&
        std::string_view("bBoOxX").find(source_[begin + 1]) != std::string_view::npos) {
      return Fail(ErrorCode::kUnsupported,
                  DescribePlace(source_, path_, begin, "only decimal numbers are supported"));
    }
    size_t end = DigitsFrom(begin);
    bool is_float = false;
    if (!is_after_dot) {
      if (end + 1 < source_.size() && source_[end] == '.' && IsDigit(source_[end + 1])) {
        end = DigitsFrom(end + 1);
        is_float = true;
      }
      if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
        const bool has_sign =
            end + 1 < source_.size() && (source_[end + 1] == '-' || source_[end + 1] == '+');
        const size_t digits = end + (has_sign ? 2 : 1);
        if (DigitsFrom(digits) > digits) {
          end = DigitsFrom(digits);
          is_float = true;
        }
      }
    }
    std::string text(source_.substr(begin, end - begin));
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    tokens_.push_back({is_float ? TokenKind::kFloat : TokenKind::kInteger, text, begin});
    at_ = end;
    return {};
  }

  Status String(char quote) {
    const size_t begin = at_++;
    while (at_ < source_.size() && source_[at_] != quote) at_ += source_[at_] == '\\' ? 2 : 1;
    if (at_ >= source_.size()) return Corrupt(begin, "a string without end");
    auto text = UnescapeString(source_.substr(begin + 1, at_ - begin - 1));
    if (!text) {
      return Fail(text.error().code, DescribePlace(source_, path_, begin, text.error().message));
    }
    tokens_.push_back({TokenKind::kString, std::move(*text), begin});
    ++at_;
    return {};
  }

  Status Operator(std::string& open) {
    static constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const size_t begin = at_;
    const auto* const found =
        std::find_if(kOperators.begin(), kOperators.end(),
                     [&](std::string_view operation) { return LooksAt(operation); });
    if (found == kOperators.end()) return Corrupt(begin, "an unexpected character");
    const char c = (*found)[0];
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) {
        return Corrupt(begin, fmt::format("an unexpected '{}'", c));
      }
      open.pop_back();
    }
    tokens_.push_back({TokenKind::kOperator, std::string(*found), begin});
    at_ += found->size();
    return {};
  }

  std::string_view source_;
  const std::string& path_;
  size_t at_ = 0;
  bool is_line_start_ = true;  // the last tag ended a line
  std::vector<Token> tokens_;
};

}  // namespace

std::string NormaliseSource(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::vector<Token>> Tokenize(std::string_view source, const std::string& path) {
  return Lexer(source, path).Run();
}

}  // namespace accllm::chat
