#include "tokenizer/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tokenizer/regex_dialect.h"

namespace accllm {
namespace {

constexpr size_t kMaxPatternBytes = size_t{1} << 14;
constexpr uint32_t kMaxNestedGroups = 50;
constexpr uint32_t kMinSteps = 1000;
constexpr uint32_t kStepsPerByte = 64;
constexpr uint32_t kMaxHeapKib = 64 << 10;
constexpr uint32_t kMaxDepth = 100000;

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using CodePointer = std::unique_ptr<pcre2_code, Free<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Free<pcre2_compile_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;

std::string MessageOf(int error) {
  std::array<PCRE2_UCHAR, 256> text = {};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

tl::unexpected<Error> OutOfMemory(const std::string& where) {
  return Fail(ErrorCode::kOutOfMemory, fmt::format("{}: no memory for a pattern", where));
}

}  // namespace

struct SplitRegex::Code {
  CodePointer code;
  bool has_jit = false;
};

SplitRegex::SplitRegex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
SplitRegex::SplitRegex(SplitRegex&& other) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&& other) noexcept = default;
SplitRegex::~SplitRegex() = default;

Result<SplitRegex> SplitRegex::Compile(std::string_view pattern, const std::string& where) {
  if (pattern.empty() || pattern.size() > kMaxPatternBytes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: a pattern of {} bytes", where, pattern.size()),
                fmt::format("supported are 1 to {}", kMaxPatternBytes));
  }
  ACCLLM_ASSIGN_OR_RETURN(const std::string translated, TranslateRegex(pattern, where));
  const CompileContext context(pcre2_compile_context_create(nullptr));
  if (context == nullptr) return OutOfMemory(where);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), kMaxNestedGroups);
  int error = 0;
  size_t offset = 0;
  auto code = std::make_unique<Code>();
  code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NO_UTF_CHECK,
                                 &error, &offset, context.get()));
  if (code->code == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: cannot compile the pattern: {}", where, MessageOf(error)),
                "correct the pattern");
  }
  uint32_t matches_empty = 0;
  pcre2_pattern_info(code->code.get(), PCRE2_INFO_MATCHEMPTY, &matches_empty);
  if (matches_empty != 0) {
    return Fail(ErrorCode::kUnsupported, fmt::format("{}: the pattern can match nothing", where),
                "supported are patterns whose matches have at least one character");
  }
  // Without JIT support matching is slow, but right.
  code->has_jit = pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE) == 0;
  return SplitRegex(std::move(code));
}

struct SplitRegex::Search::State {
  const Code* code;
  std::string_view text;
  size_t at = 0;
  MatchData data;
  MatchContext context;

  int Match() const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    if (code->has_jit) {
      const int n =
          pcre2_jit_match(code->code.get(), subject, text.size(), at, 0, data.get(), context.get());
      if (n != PCRE2_ERROR_JIT_STACKLIMIT) return n;
    }
    return pcre2_match(code->code.get(), subject, text.size(), at,
                       PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(), context.get());
  }
};

SplitRegex::Search::Search(const SplitRegex& regex, std::string_view text)
    : state_(std::make_unique<State>()) {
  state_->code = regex.code_.get();
  state_->text = text;
  state_->data.reset(pcre2_match_data_create(1, nullptr));
  state_->context.reset(pcre2_match_context_create(nullptr));
  if (state_->context == nullptr) return;
  const size_t steps = kMinSteps + kStepsPerByte * std::min(text.size(), size_t{1} << 25);
  pcre2_set_match_limit(state_->context.get(), static_cast<uint32_t>(steps));
  pcre2_set_depth_limit(state_->context.get(), kMaxDepth);
  pcre2_set_heap_limit(state_->context.get(), kMaxHeapKib);
}

SplitRegex::Search::~Search() = default;

std::optional<TextRange> SplitRegex::Search::Next() {
  State& state = *state_;
  if (state.at >= state.text.size() || state.data == nullptr || state.context == nullptr) {
    return std::nullopt;
  }
  // 0 says that there are more groups than room for their ranges; the whole match is there.
  if (state.Match() < 0) {
    state.at = state.text.size();
    return std::nullopt;
  }
  const size_t* ranges = pcre2_get_ovector_pointer(state.data.get());
  state.at = ranges[1];
  return TextRange{ranges[0], ranges[1]};
}

}  // namespace accllm
