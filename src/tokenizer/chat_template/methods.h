// The methods of texts, lists and dicts.
#pragma once

#include <string_view>

#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

// The method `name` of `self`; undefined with a reason if it is one that would change `self`,
// undefined without a reason if there is none. Fails if Python has one and we do not.
Value BindMethod(Runtime& runtime, const Value& self, std::string_view name);

Value CallMethod(Runtime& runtime, const Method& method, const Arguments& arguments);

// text.replace(old, new, count); a negative count means all.
Value Replace(Runtime& runtime, std::string_view text, std::string_view old, std::string_view by,
              int64_t count);

// items joined by `separator`; `is_strict` as the method, which takes only texts.
Value Join(Runtime& runtime, std::string_view separator, const Value& items, bool is_strict);

}  // namespace accllm::chat
