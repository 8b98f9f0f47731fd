#include "checkpoint/safetensors_writer.h"

#include "base/fp16.h"

namespace accllm {
namespace {

template <typename T>
void AppendRaw(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

std::string EncodeFloats(const std::vector<float>& values, DType dtype) {
  std::string bytes;
  bytes.reserve(values.size() * DTypeBytes(dtype));
  for (const float value : values) {
    if (dtype == DType::kF32) {
      AppendRaw(value, &bytes);
    } else if (dtype == DType::kF16) {
      AppendRaw(FloatToHalf(value), &bytes);
    } else {
      AppendRaw(FloatToBf16(value), &bytes);
    }
  }
  return bytes;
}

std::string SafetensorsFromHeader(const std::string& header, const std::string& data) {
  std::string bytes;
  AppendRaw(uint64_t{header.size()}, &bytes);
  return bytes + header + data;
}

std::string SafetensorsBytes(const std::vector<NamedTensor>& tensors) {
  std::string header = "{\"__metadata__\": {\"format\": \"pt\"}";
  std::string data;
  for (const NamedTensor& tensor : tensors) {
    header +=
        fmt::format(", \"{}\": {{\"dtype\": \"{}\", \"shape\": {}, \"data_offsets\": [{}, {}]}}",
                    tensor.name, DTypeName(tensor.dtype), ShapeToString(tensor.shape), data.size(),
                    data.size() + tensor.bytes.size());
    data += tensor.bytes;
  }
  return SafetensorsFromHeader(header + "}", data);
}

}  // namespace accllm
