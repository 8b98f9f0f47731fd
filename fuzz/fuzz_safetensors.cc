// A .safetensors file: every tensor of an accepted file must be readable to its last byte.
#include <cstdlib>

#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = accllm::SafetensorsFile::Parse({data, size}, "model.safetensors");
  if (!file) return 0;
  for (const auto& [name, tensor] : file->tensors()) {
    const auto values = file->ReadFloats(name);
    if (values && values->size() != static_cast<size_t>(tensor.n_elements())) std::abort();
  }
  return 0;
}
