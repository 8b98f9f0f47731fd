// The data files of spec/accelerator/, which the binary carries.
#pragma once

#include <span>
#include <string_view>

namespace accllm::accel {

struct DataFile {
  std::string_view path;  // below spec/accelerator: "targets/u280.toml"
  std::string_view text;
};

std::span<const DataFile> DataFiles();

// The text of a file that there is.
std::string_view DataText(std::string_view path);

}  // namespace accllm::accel
