// The filters: value|name(arguments).
#pragma once

#include <span>
#include <string_view>

#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

bool IsFilter(std::string_view name);

// Fails the rendering if there is no such filter, or if it does not take this value.
Value ApplyFilter(Runtime& runtime, std::string_view name, const Value& value,
                  const Arguments& arguments);

using FilterBody = Value (*)(Runtime&, const Value& value, const Arguments&);

struct FilterEntry {
  std::string_view name;
  FilterBody body;
};

// The two halves of the table.
std::span<const FilterEntry> TextFilters();      // of texts and numbers
std::span<const FilterEntry> SequenceFilters();  // of lists and dicts

}  // namespace accllm::chat
