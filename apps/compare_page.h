// A comparison as one HTML page that needs nothing else.
#pragma once

#include <string>

#include "compare_result.h"

namespace accllm::cli {

std::string ComparePage(const Comparison& comparison);

}  // namespace accllm::cli
