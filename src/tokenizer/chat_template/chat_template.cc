#include "tokenizer/chat_template/chat_template.h"

#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/lexer.h"
#include "tokenizer/chat_template/parser.h"
#include "tokenizer/chat_template/unicode_text.h"

namespace accllm {

using chat::Value;

struct ChatTemplate::State {
  std::string given;
  std::string source;  // normalised; what offsets of the tree refer to
  std::string path;
  chat::Body body;
};

namespace {

Value FromJson(chat::Runtime& runtime, const ChatContext::Json& json, int depth) {
  using Type = ChatContext::Json::value_t;
  if (!runtime.Spend()) return {};
  if (depth > runtime.limits().max_depth) return runtime.Unsupported("JSON is nested too deep");
  switch (json.type()) {
    case Type::boolean:
      return Value(json.get<bool>());
    case Type::number_integer:
      return Value(json.get<int64_t>());
    case Type::number_unsigned:
      if (json.get<uint64_t>() > uint64_t{INT64_MAX}) {
        return runtime.Unsupported("an integer of more than 64 bits");
      }
      return Value(json.get<int64_t>());
    case Type::number_float:
      return Value(json.get<double>());
    case Type::string:
      return runtime.MakeText(chat::ToValidUtf8(json.get_ref<const std::string&>()));
    case Type::array: {
      std::vector<Value> items;
      for (const auto& item : json) items.push_back(FromJson(runtime, item, depth + 1));
      return runtime.MakeSequence(std::move(items));
    }
    case Type::object: {
      std::vector<std::pair<Value, Value>> entries;
      for (const auto& [key, value] : json.items()) {
        entries.emplace_back(runtime.MakeText(chat::ToValidUtf8(key)),
                             FromJson(runtime, value, depth + 1));
      }
      return runtime.MakeMapping(std::move(entries));
    }
    default:
      return Value(chat::None{});
  }
}

chat::Interpreter::Variables Globals(chat::Runtime& runtime, const ChatContext& context) {
  using chat::Builtin;
  chat::Interpreter::Variables globals = {
      {"range", Value(Builtin::kRange)},
      {"dict", Value(Builtin::kDict)},
      {"namespace", Value(Builtin::kNamespace)},
      {"raise_exception", Value(Builtin::kRaiseException)},
      {"strftime_now", Value(Builtin::kStrftimeNow)},
      {"messages", FromJson(runtime, context.messages, 0)},
      {"add_generation_prompt", Value(context.add_generation_prompt)},
      {"bos_token", runtime.MakeText(chat::ToValidUtf8(context.bos_token))},
      {"eos_token", runtime.MakeText(chat::ToValidUtf8(context.eos_token))},
      {"tools", FromJson(runtime, context.tools, 0)},
      {"documents", FromJson(runtime, context.documents, 0)},
  };
  for (const auto& [name, value] : context.extra.items()) {
    globals.emplace_back(name, FromJson(runtime, value, 0));
  }
  return globals;
}

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate&& other) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&& other) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::Parse(std::string source, const std::string& path) {
  if (source.size() > kMaxSourceBytes) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: a chat template of more than {} bytes", path, kMaxSourceBytes));
  }
  auto state = std::make_unique<State>();
  state->source = chat::NormaliseSource(chat::ToValidUtf8(source));
  state->given = std::move(source);
  state->path = path;
  ACCLLM_ASSIGN_OR_RETURN(state->body, chat::ParseTemplate(state->source, state->path));
  return ChatTemplate(std::move(state));
}

Result<std::string> ChatTemplate::Render(const ChatContext& context) const {
  chat::Runtime runtime(state_->source, state_->path, context.limits);
  runtime.now = context.now;
  chat::Interpreter interpreter(runtime, Globals(runtime, context));
  std::string text = interpreter.Run(state_->body);
  if (runtime.failed()) return tl::unexpected(runtime.error());
  return text;
}

const std::string& ChatTemplate::source() const { return state_->given; }

}  // namespace accllm
