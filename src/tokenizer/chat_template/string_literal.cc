#include "tokenizer/chat_template/string_literal.h"

#include <charconv>

#include "tokenizer/chat_template/unicode_text.h"

namespace accllm::chat {
namespace {

class Unescaper {
 public:
  explicit Unescaper(std::string_view literal) : rest_(literal) {}

  Result<std::string> Run() {
    while (!rest_.empty()) {
      const size_t backslash = rest_.find('\\');
      text_ += rest_.substr(0, backslash);
      if (backslash == std::string_view::npos) break;
      rest_.remove_prefix(backslash + 1);
      ACCLLM_RETURN_IF_ERROR(Escape());
    }
    return std::move(text_);
  }

 private:
  Status Escape() {
    constexpr std::string_view kLetters = "\\'\"abfnrtv\n";
    constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (rest_.empty()) return Fail(ErrorCode::kCorrupt, "a backslash at the end of a string");
    const char c = rest_[0];
    if (c >= '0' && c <= '7') return Octal();
    rest_.remove_prefix(1);
    if (const size_t i = kLetters.find(c); i != std::string_view::npos) {
      if (i < kMeanings.size()) text_ += kMeanings[i];  // a line end is dropped
      return {};
    }
    if (c == 'x') return Hexadecimal(2);
    if (c == 'u') return Hexadecimal(4);
    if (c == 'U') return Hexadecimal(8);
    if (c == 'N') return Fail(ErrorCode::kUnsupported, "named characters are not supported");
    text_ += '\\';
    text_ += c;
    return {};
  }

  Status Octal() {
    uint32_t number = 0;
    for (int i = 0; i < 3 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) {
      number = number * 8 + static_cast<uint32_t>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    AppendCodePoint(number, &text_);
    return {};
  }

  Status Hexadecimal(size_t n_digits) {
    uint32_t number = 0;
    const std::string_view digits = rest_.substr(0, n_digits);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (error != std::errc() || digits.size() < n_digits || end != digits.data() + n_digits ||
        number > 0x10FFFF) {
      return Fail(ErrorCode::kCorrupt, "a broken escape in a string");
    }
    AppendCodePoint(number, &text_);
    rest_.remove_prefix(n_digits);
    return {};
  }

  std::string_view rest_;
  std::string text_;
};

}  // namespace

Result<std::string> UnescapeString(std::string_view literal) { return Unescaper(literal).Run(); }

}  // namespace accllm::chat
