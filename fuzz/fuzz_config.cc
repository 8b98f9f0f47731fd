// config.json: any accepted config must survive its own JSON.
#include <cstdlib>
#include <string_view>

#include "base/model_config_json.h"
#include "checkpoint/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = accllm::ParseModelConfig(text, "config.json");
  if (!config) return 0;
  const std::string json = accllm::ModelConfigToJson(*config);
  const auto back = accllm::ModelConfigFromJson(json, "config.json");
  if (!back || accllm::ModelConfigToJson(*back) != json) std::abort();
  return 0;
}
