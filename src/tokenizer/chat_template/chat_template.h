// Turns a conversation into the text that a model was trained on, by the template that comes with
// the model: the subset of jinja2 that docs/reference/chat-template.md describes.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "tokenizer/chat_template/runtime.h"

namespace accllm {

// What a template sees. Texts that are no UTF-8 get U+FFFD for the bytes that are none.
struct ChatContext {
  using Json = nlohmann::ordered_json;

  Json messages = Json::array();  // [{"role": ..., "content": ...}, ...]
  bool add_generation_prompt = false;
  std::string bos_token;
  std::string eos_token;
  Json tools;                   // null: none
  Json documents;               // null: none
  Json extra = Json::object();  // further variables by name
  int64_t now = 0;              // seconds since 1970, for strftime_now; local time is shown
  chat::RenderLimits limits;
};

class ChatTemplate {
 public:
  static constexpr size_t kMaxSourceBytes = size_t{1} << 20;

  // `path` is what errors name. Errors, with line and excerpt: kCorrupt if it is no template,
  // kUnsupported if it needs what we do not have.
  static Result<ChatTemplate> Parse(std::string source, const std::string& path);

  ChatTemplate(ChatTemplate&& other) noexcept;
  ChatTemplate& operator=(ChatTemplate&& other) noexcept;
  ~ChatTemplate();

  // Byte for byte what jinja2 gives with trim_blocks, lstrip_blocks and the additions of
  // transformers. Errors: kInvalidArgument with the template's own words if it calls
  // raise_exception, and with line and excerpt if it fails on this conversation; kUnsupported for
  // what we do not have or what passes the limits. Safe to call from several threads.
  Result<std::string> Render(const ChatContext& context) const;

  const std::string& source() const;  // as given to Parse

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace accllm
