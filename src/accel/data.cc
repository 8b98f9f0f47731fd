#include "accel/data.h"

#include <algorithm>
#include <cassert>

#include "accel/bundled_data.h"

namespace accllm::accel {

std::span<const DataFile> DataFiles() { return kDataFiles; }

std::string_view DataText(std::string_view path) {
  const auto* found = std::find_if(kDataFiles.begin(), kDataFiles.end(),
                                   [&](const DataFile& file) { return file.path == path; });
  assert(found != kDataFiles.end());
  return found->text;
}

}  // namespace accllm::accel
