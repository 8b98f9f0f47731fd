#include "tune/state_file.h"

#include <cstring>
#include <span>

#include "base/file_io.h"
#include "base/mapped_file.h"

namespace accllm::tune {

Status SaveState(const std::string& path, int64_t step,
                 const std::vector<std::vector<float>*>& arrays) {
  std::vector<std::span<const uint8_t>> parts;
  parts.emplace_back(reinterpret_cast<const uint8_t*>(&step), sizeof(step));
  for (const std::vector<float>* array : arrays) {
    parts.emplace_back(reinterpret_cast<const uint8_t*>(array->data()),
                       array->size() * sizeof(float));
  }
  return WriteFileAtomically(path, parts);
}

Result<int64_t> LoadState(const std::string& path, const std::vector<std::vector<float>*>& arrays) {
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  int64_t step = 0;
  size_t expected = sizeof(step);
  for (const std::vector<float>* array : arrays) expected += array->size() * sizeof(float);
  if (file.bytes().size() != expected) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: {} bytes, {} expected", path, file.bytes().size(), expected),
                "start again without --resume");
  }
  const uint8_t* at = file.bytes().data();
  std::memcpy(&step, at, sizeof(step));
  at += sizeof(step);
  for (std::vector<float>* array : arrays) {
    const size_t bytes = array->size() * sizeof(float);
    std::memcpy(array->data(), at, bytes);
    at += bytes;
  }
  return step;
}

}  // namespace accllm::tune
