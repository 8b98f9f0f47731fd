#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tokenizer/utf8.h"

namespace accllm {
namespace {

// Unicode's White_Space.
bool IsSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// The last code point of a text that is not empty.
std::string_view LastCharacter(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
  return text.substr(begin);
}

size_t LeadingSpace(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && IsSpace(DecodeUtf8(text.substr(size)))) {
    size += Utf8Length(text[size]);
  }
  return size;
}

size_t TrailingSpace(std::string_view text) {
  size_t size = 0;
  while (size < text.size()) {
    const std::string_view last = LastCharacter(text.substr(0, text.size() - size));
    if (!IsSpace(DecodeUtf8(last))) break;
    size += last.size();
  }
  return size;
}

}  // namespace

Result<AddedTokens> AddedTokens::Make(std::vector<AddedToken> tokens) {
  ACCLLM_ASSIGN_OR_RETURN(SplitRegex word,
                          SplitRegex::Compile("[\\w\\u200C\\u200D]", "added tokens"));
  AddedTokens result(std::move(word));
  std::ranges::stable_sort(tokens, {}, &AddedToken::content);
  const auto is_repeated = [](const AddedToken& a, const AddedToken& b) {
    return a.content == b.content;
  };
  tokens.erase(std::unique(tokens.begin(), tokens.end(), is_repeated), tokens.end());
  result.tokens_ = std::move(tokens);
  for (size_t i = 0; i < result.tokens_.size(); ++i) {
    Range& range = result.by_byte_[static_cast<uint8_t>(result.tokens_[i].content[0])];
    if (range.end == 0) range.begin = i;
    range.end = i + 1;
  }
  return result;
}

// Narrows the sorted tokens byte by byte to those that start as the text does.
const AddedToken* AddedTokens::LongestAt(std::string_view text) const {
  const AddedToken* longest = nullptr;
  auto [begin, end] = by_byte_[static_cast<uint8_t>(text[0])];
  for (size_t size = 1; begin < end; ++size) {
    // What ends here sorts before what goes on.
    if (tokens_[begin].content.size() == size) longest = &tokens_[begin++];
    if (size == text.size()) break;
    const auto byte = static_cast<uint8_t>(text[size]);
    const auto byte_of = [size](const AddedToken& token) {
      return static_cast<uint8_t>(token.content[size]);
    };
    const auto first = tokens_.begin() + static_cast<int64_t>(begin);
    const auto last = tokens_.begin() + static_cast<int64_t>(end);
    const auto same = std::partition_point(
        first, last, [&](const AddedToken& token) { return byte_of(token) < byte; });
    const auto other = std::partition_point(
        same, last, [&](const AddedToken& token) { return byte_of(token) == byte; });
    begin = static_cast<size_t>(same - tokens_.begin());
    end = static_cast<size_t>(other - tokens_.begin());
  }
  return longest;
}

bool AddedTokens::StandsAlone(std::string_view before, std::string_view after) const {
  const auto is_word = [this](std::string_view character) {
    return SplitRegex::Search(word_, character).Next().has_value();
  };
  if (!before.empty() && is_word(LastCharacter(before))) return false;
  return after.empty() || !is_word(after.substr(0, Utf8Length(after[0])));
}

void AddedTokens::Split(std::string_view text, SpecialTokens special, const Sink& sink) const {
  size_t done = 0;
  size_t at = tokens_.empty() ? text.size() : 0;
  while (at < text.size()) {
    const Range& range = by_byte_[static_cast<uint8_t>(text[at])];
    const AddedToken* token = range.end == 0 ? nullptr : LongestAt(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at;
    size_t end = at + token->content.size();
    at = end;
    if (token->is_special && special == SpecialTokens::kAsText) continue;
    if (token->is_single_word && !StandsAlone(text.substr(0, begin), text.substr(end))) continue;
    if (token->takes_left_space) {
      begin = std::max(done, begin - TrailingSpace(text.substr(0, begin)));
    }
    if (token->takes_right_space) end += LeadingSpace(text.substr(end));
    if (begin > done) sink({{done, begin}, -1});
    sink({{begin, end}, token->id});
    done = end;
  }
  if (done < text.size()) sink({{done, text.size()}, -1});
}

}  // namespace accllm
