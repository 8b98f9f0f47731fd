#include "checkpoint/testing/gguf_builder.h"

namespace accllm::testing {

std::string RawString(std::string_view text) {
  return Raw(uint64_t{text.size()}) + std::string(text);
}

std::string RawArray(GgufType type, uint64_t count, std::string_view elements) {
  return Raw(type) + Raw(count) + std::string(elements);
}

std::string RawStrings(const std::vector<std::string>& texts) {
  std::string elements;
  for (const std::string& text : texts) elements += RawString(text);
  return RawArray(GgufType::kString, texts.size(), elements);
}

GgufBuilder& GgufBuilder::AddString(std::string_view key, std::string_view value) {
  entries.push_back({std::string(key), GgufType::kString, RawString(value)});
  return *this;
}

GgufBuilder& GgufBuilder::AddUint32(std::string_view key, uint32_t value) {
  entries.push_back({std::string(key), GgufType::kUint32, Raw(value)});
  return *this;
}

GgufBuilder& GgufBuilder::AddFloat(std::string_view key, float value) {
  entries.push_back({std::string(key), GgufType::kFloat32, Raw(value)});
  return *this;
}

std::string GgufBuilder::Bytes() const {
  std::string head = Raw(magic) + Raw(version) + Raw(n_tensors.value_or(tensors.size())) +
                     Raw(n_entries.value_or(entries.size()));
  for (const Entry& entry : entries) head += RawString(entry.key) + Raw(entry.type) + entry.value;
  std::string data;
  for (const Tensor& tensor : tensors) {
    head += RawString(tensor.name) + Raw(static_cast<uint32_t>(tensor.dimensions.size()));
    for (const uint64_t dimension : tensor.dimensions) head += Raw(dimension);
    head += Raw(tensor.type) + Raw(tensor.offset.value_or(data.size()));
    data += tensor.data;
    data.resize((data.size() + alignment - 1) / alignment * alignment);
  }
  head.resize((head.size() + alignment - 1) / alignment * alignment);
  return head + data;
}

}  // namespace accllm::testing
