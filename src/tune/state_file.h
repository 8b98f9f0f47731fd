// What a run of gradient descent needs to go on: the number of steps done, and arrays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace accllm::tune {

// Errors: kIo.
Status SaveState(const std::string& path, int64_t step,
                 const std::vector<std::vector<float>*>& arrays);

// Fills the arrays, which have their sizes already, and returns the steps done. Errors: kIo;
// kCorrupt if the file holds another number of values.
Result<int64_t> LoadState(const std::string& path, const std::vector<std::vector<float>*>& arrays);

}  // namespace accllm::tune
