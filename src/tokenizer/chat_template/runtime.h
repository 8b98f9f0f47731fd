// What all operations of one rendering share: the first error, and what the rendering may still
// cost.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tokenizer/chat_template/value.h"

namespace accllm::chat {

// Bounds of one rendering; far more than any conversation needs.
struct RenderLimits {
  int64_t max_steps = 5'000'000;              // evaluated nodes and compared elements
  int64_t max_bytes = int64_t{512} << 20;     // of all values that were made, together
  size_t max_text_bytes = size_t{128} << 20;  // of one text, the output too
  int max_depth = 100;                        // of calls of macros, and of nested containers
};

// Names a place of the template: "path:line: message near 'excerpt'".
std::string DescribePlace(std::string_view source, const std::string& path, size_t offset,
                          std::string_view message);

// Failures are sticky: after the first one every operation gives undefined and every loop stops, so
// that only those who loop need to look.
class Runtime {
 public:
  // All outlive the runtime.
  Runtime(std::string_view source, const std::string& path, const RenderLimits& limits)
      : source_(source), path_(path), limits_(limits) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  bool failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }
  const RenderLimits& limits() const { return limits_; }
  int64_t now = 0;  // what strftime_now sees: seconds since 1970

  // Where in the source the next failure is.
  void set_at(size_t offset) { at_ = offset; }

  // Both return undefined. `FailWith` takes a message that is complete.
  Value Fail(ErrorCode code, std::string_view message);
  Value FailWith(Error error);
  // What jinja2 reports while it renders.
  Value TypeError(std::string_view message) { return Fail(ErrorCode::kInvalidArgument, message); }
  Value Unsupported(std::string_view message) { return Fail(ErrorCode::kUnsupported, message); }
  // An operation on an undefined value.
  Value UndefinedError(const Value& undefined);

  // Pays for `n` steps; false after a failure.
  bool Spend(int64_t n = 1);
  bool SpendBytes(size_t n);

  Value MakeText(std::string text, bool is_markup = false);
  Value MakeSequence(std::vector<Value> items, SequenceKind kind = SequenceKind::kList);
  Value MakeMapping(std::vector<std::pair<Value, Value>> entries);
  Namespace* MakeNamespace();

 private:
  std::string_view source_;
  const std::string& path_;
  const RenderLimits& limits_;
  std::optional<Error> error_;
  size_t at_ = 0;
  int64_t steps_ = 0;
  int64_t bytes_ = 0;
  std::deque<Namespace> namespaces_;
};

Value UndefinedBecause(std::string reason);

// A text that grows up to the limit; beyond it the rendering fails.
class TextBuffer {
 public:
  explicit TextBuffer(Runtime& runtime) : runtime_(runtime) {}

  // False after a failure.
  bool Append(std::string_view text);
  std::string Take() { return std::move(text_); }
  const std::string& text() const { return text_; }

 private:
  Runtime& runtime_;
  std::string text_;
};

// What a filter, test, method, macro or function is called with.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};

// Arguments by the names of the parameters, in their order.
class BoundArguments {
 public:
  // Fails the rendering if an argument is unknown, given twice, or too many; and if one of the
  // first `n_required` is missing. `callee` is for the message.
  BoundArguments(Runtime& runtime, std::string_view callee, const Arguments& arguments,
                 std::initializer_list<std::string_view> names, size_t n_required = 0);

  // Null if it was not given.
  const Value* Get(size_t i) const { return values_[i]; }
  bool Has(size_t i) const { return values_[i] != nullptr; }

  // `otherwise` if it was not given; fails the rendering if it has another type.
  int64_t Int(size_t i, int64_t otherwise) const;
  bool Bool(size_t i, bool otherwise) const;
  std::string Text(size_t i, std::string_view otherwise) const;

 private:
  Runtime& runtime_;
  std::string_view callee_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

}  // namespace accllm::chat
