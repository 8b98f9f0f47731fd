// The tests: value is name(arguments).
#pragma once

#include <string_view>

#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

bool IsTest(std::string_view name);

// Fails the rendering if there is no such test, or if it does not take this value.
bool ApplyTest(Runtime& runtime, std::string_view name, const Value& value,
               const Arguments& arguments);

}  // namespace accllm::chat
