// The functions that a template finds as globals.
#pragma once

#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

Value CallBuiltin(Runtime& runtime, Builtin builtin, const Arguments& arguments);

// Puts an entry into a dict that is being built; a later one with the same key replaces the value.
// False, and a failure, if the key is a list or dict.
bool AddEntry(Runtime& runtime, std::vector<std::pair<Value, Value>>& entries, Value key,
              Value value);

}  // namespace accllm::chat
