// Renders chat templates for compare_with_jinja2.py: a JSON object a line in, one a line out.
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "tokenizer/chat_template/chat_template.h"

namespace {

using Json = nlohmann::ordered_json;

std::string_view NameOf(accllm::ErrorCode code) {
  switch (code) {
    case accllm::ErrorCode::kInvalidArgument:
      return "invalid argument";
    case accllm::ErrorCode::kCorrupt:
      return "corrupt";
    default:
      return "unsupported";
  }
}

accllm::Result<std::string> Render(const Json& task) {
  ACCLLM_ASSIGN_OR_RETURN(
      const accllm::ChatTemplate chat_template,
      accllm::ChatTemplate::Parse(task.at("template").get<std::string>(), "template"));
  accllm::ChatContext context;
  context.messages = task.value("messages", Json::array());
  context.add_generation_prompt = task.value("add_generation_prompt", false);
  context.bos_token = task.value("bos_token", "<s>");
  context.eos_token = task.value("eos_token", "</s>");
  context.tools = task.value("tools", Json());
  context.documents = task.value("documents", Json());
  context.extra = task.value("extra", Json::object());
  context.now = task.value("now", int64_t{0});
  return chat_template.Render(context);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::ifstream tasks(argv[1]);
  std::string line;
  while (std::getline(tasks, line)) {
    const auto text = Render(Json::parse(line));
    const Json result =
        text ? Json{{"text", *text}}
             : Json{{"code", NameOf(text.error().code)}, {"error", text.error().ToString()}};
    std::cout << result.dump() << "\n";
  }
  return 0;
}
