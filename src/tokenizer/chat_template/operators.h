// Python's operators on values.
#pragma once

#include <memory>

#include "tokenizer/chat_template/ast.h"
#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

bool Equals(Runtime& runtime, const Value& a, const Value& b);

// a < b; fails the rendering if the two cannot be ordered.
bool Less(Runtime& runtime, const Value& a, const Value& b);

// Any of the comparisons, with `in` and `not in`.
bool Compare(Runtime& runtime, Op op, const Value& a, const Value& b);

// Any of the arithmetic operators.
Value Arithmetic(Runtime& runtime, Op op, const Value& a, const Value& b);

Value Negate(Runtime& runtime, const Value& value);

// What a loop over `value` sees; null, and a failure, if it cannot be looped over.
std::shared_ptr<const Sequence> Iterate(Runtime& runtime, const Value& value);

// value[key] and value.name; undefined if there is none.
Value GetItem(Runtime& runtime, const Value& value, const Value& key);
Value GetAttribute(Runtime& runtime, const Value& value, std::string_view name);

// value[start:stop:step]; the last three may be none.
Value Slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop,
            const Value& step);

// `text` with &, <, >, ' and " as HTML entities.
std::string EscapeHtml(std::string_view text);

}  // namespace accllm::chat
