// A chat template on a fixed conversation: whatever it does, it must end, in bounds, with text or
// with an error that says where.
#include <cstdlib>
#include <string>
#include <string_view>

#include "tokenizer/chat_template/chat_template.h"
#include "tokenizer/utf8.h"

namespace {

accllm::ChatContext Conversation() {
  accllm::ChatContext context;
  context.messages = accllm::ChatContext::Json::parse(R"([
    {"role": "system", "content": " Be brief. "},
    {"role": "user", "content": "Größe?\n"},
    {"role": "assistant", "content": "", "tool_calls": [
      {"id": "abcdefghi", "function": {"name": "f", "arguments": {"x": 1.5, "y": [null, true]}}}]},
    {"role": "tool", "content": "{}"},
    {"role": "user", "content": [{"type": "text", "text": "two\nlines"}]}])");
  context.tools = accllm::ChatContext::Json::parse(R"([{"function": {"name": "f"}}])");
  context.add_generation_prompt = true;
  context.bos_token = "<s>";
  context.eos_token = "</s>";
  context.extra = {{"n", 7}, {"f", 2.5}, {"words", {"b", "A"}}};
  context.limits.max_steps = 200'000;
  context.limits.max_bytes = int64_t{16} << 20;
  context.limits.max_text_bytes = size_t{4} << 20;
  return context;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const accllm::ChatContext kContext = Conversation();
  std::string source(reinterpret_cast<const char*>(data), size);
  const auto chat_template = accllm::ChatTemplate::Parse(std::move(source), "template");
  if (!chat_template) {
    if (!chat_template.error().message.starts_with("template:")) std::abort();
    return 0;
  }
  const auto text = chat_template->Render(kContext);
  if (text && !accllm::IsValidUtf8(*text)) std::abort();
  if (text && text->size() > kContext.limits.max_text_bytes) std::abort();
  return 0;
}
