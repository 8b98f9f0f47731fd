#include "tokenizer/chat_template/filters.h"

#include <algorithm>

namespace accllm::chat {
namespace {

FilterBody FindFilter(std::string_view name) {
  for (const auto filters : {TextFilters(), SequenceFilters()}) {
    const auto found = std::find_if(filters.begin(), filters.end(),
                                    [&](const FilterEntry& entry) { return entry.name == name; });
    if (found != filters.end()) return found->body;
  }
  return nullptr;
}

}  // namespace

bool IsFilter(std::string_view name) { return FindFilter(name) != nullptr; }

Value ApplyFilter(Runtime& runtime, std::string_view name, const Value& value,
                  const Arguments& arguments) {
  const FilterBody body = FindFilter(name);
  if (body == nullptr) return runtime.Unsupported(fmt::format("there is no filter '{}'", name));
  return body(runtime, value, arguments);
}

}  // namespace accllm::chat
