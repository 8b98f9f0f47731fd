#include "tokenizer/regex_dialect.h"

#include <array>

namespace accllm {
namespace {

constexpr std::string_view kWordClasses = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : rest_(pattern), where_(where) {}

  Result<std::string> Run() {
    while (!rest_.empty()) ACCLLM_RETURN_IF_ERROR(in_class_ ? InClass() : Outside());
    return out_;
  }

 private:
  tl::unexpected<Error> Unsupported(std::string_view what) const {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: {} in a regular expression", where_, what),
                "supported are literals, classes without nesting, \\s \\S \\d \\D \\w \\W \\p{} "
                "\\P{}, groups, (?i:), look-around and quantifiers");
  }

  void Copy(size_t n) {
    out_ += rest_.substr(0, n);
    rest_.remove_prefix(n);
  }

  void Replace(size_t n, std::string_view text) {
    out_ += text;
    rest_.remove_prefix(n);
  }

  Status Outside();
  Status InClass();
  Status Group();
  Status Brace();
  Status Escape();
  Status Property();
  Status CodePoint();

  std::string_view rest_;
  const std::string& where_;
  std::string out_;
  bool in_class_ = false;
  bool is_class_start_ = false;
};

Status Translator::Outside() {
  switch (rest_[0]) {
    case '\\':
      return Escape();
    case '(':
      return Group();
    case '{':
      return Brace();
    case '[':
      in_class_ = true;
      is_class_start_ = true;
      Copy(rest_.substr(1).starts_with('^') ? 2 : 1);
      return {};
    default:
      Copy(1);
      return {};
  }
}

Status Translator::InClass() {
  const bool is_start = is_class_start_;
  is_class_start_ = false;
  if (rest_[0] == '\\') return Escape();
  if (rest_[0] == '[') return Unsupported("a class inside a class");
  if (rest_.starts_with("&&")) return Unsupported("'&&' inside a class");
  if (rest_[0] == ']') {
    if (is_start) return Unsupported("an empty class");
    in_class_ = false;
  }
  Copy(1);
  return {};
}

// The start of a group; what follows is read as usual.
Status Translator::Group() {
  constexpr std::array<std::string_view, 8> kStarts = {"(?:",  "(?=",  "(?!",  "(?>",
                                                       "(?<=", "(?<!", "(?i:", "(?-i:"};
  for (const std::string_view start : kStarts) {
    if (rest_.starts_with(start)) {
      Copy(start.size());
      return {};
    }
  }
  if (rest_.starts_with("(?") || rest_.starts_with("(*")) {
    return Unsupported(fmt::format("'{}'", rest_.substr(0, 3)));
  }
  Copy(1);
  return {};
}

// A quantifier {n}, {n,} or {n,m}.
Status Translator::Brace() {
  size_t end = 1;
  while (end < rest_.size() && (IsDigit(rest_[end]) || rest_[end] == ',')) ++end;
  const bool is_quantifier = end < rest_.size() && rest_[end] == '}' && IsDigit(rest_[1]);
  if (!is_quantifier) return Unsupported("'{' that is no quantifier");
  if (rest_.substr(end + 1).starts_with('+')) return Unsupported("'+' after '}'");
  Copy(end + 1);
  return {};
}

Status Translator::Escape() {
  if (rest_.size() < 2) return Unsupported("'\\' at the end");
  const char c = rest_[1];
  switch (c) {
    case 's':  // PCRE2's own takes U+180E for a space
      Replace(2, "\\p{White_Space}");
      return {};
    case 'S':
      Replace(2, "\\P{White_Space}");
      return {};
    case 'w':
      Replace(2, in_class_ ? std::string(kWordClasses) : fmt::format("[{}]", kWordClasses));
      return {};
    case 'W':
      if (in_class_) return Unsupported("'\\W' inside a class");
      Replace(2, fmt::format("[^{}]", kWordClasses));
      return {};
    case 'p':
    case 'P':
      return Property();
    case 'x':
    case 'u':
      return CodePoint();
    case 'd':
    case 'D':
    case 'n':
    case 'r':
    case 't':
    case 'f':
      Copy(2);
      return {};
    case 'A':
    case 'z':
      if (in_class_) return Unsupported("an anchor inside a class");
      Copy(2);
      return {};
    default:
      if (IsLetter(c) || IsDigit(c)) return Unsupported(fmt::format("'\\{}'", c));
      if (static_cast<unsigned char>(c) >= 0x80) return Unsupported("'\\' before a non-ASCII one");
      Copy(2);
      return {};
  }
}

// \p{Name}, \p{^Name}
Status Translator::Property() {
  size_t end = 3;
  if (rest_.size() > 3 && rest_[3] == '^') ++end;
  const size_t name = end;
  while (end < rest_.size() && (IsLetter(rest_[end]) || rest_[end] == '_')) ++end;
  const bool is_named =
      rest_.size() > 2 && rest_[2] == '{' && end > name && end < rest_.size() && rest_[end] == '}';
  if (!is_named) return Unsupported(fmt::format("'\\{}' without a {{Name}}", rest_[1]));
  Copy(end + 1);
  return {};
}

// \uHHHH, \xHH or \x{H...}
Status Translator::CodePoint() {
  const bool has_braces = rest_.substr(1).starts_with("x{");
  const size_t begin = has_braces ? 3 : 2;
  const size_t n_fixed = rest_[1] == 'u' ? 4 : 2;
  size_t end = begin;
  const auto is_hex = [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  while (end < rest_.size() && is_hex(rest_[end]) && (has_braces || end < begin + n_fixed)) ++end;
  const bool is_whole =
      has_braces ? end > begin && end < rest_.size() && rest_[end] == '}' : end == begin + n_fixed;
  if (!is_whole) return Unsupported("an incomplete code point");
  const std::string digits(rest_.substr(begin, end - begin));
  Replace(has_braces ? end + 1 : end, fmt::format("\\x{{{}}}", digits));
  return {};
}

}  // namespace

Result<std::string> TranslateRegex(std::string_view pattern, const std::string& where) {
  return Translator(pattern, where).Run();
}

}  // namespace accllm
