// A comparison as one HTML page that needs nothing else.
#pragma once

#include <string>

#include "compare_result.h"

namespace accllm::cli {

// Text with the characters that mean something in HTML escaped, control characters replaced.
std::string EscapeHtml(std::string_view text);

std::string ComparePage(const Comparison& comparison);

}  // namespace accllm::cli
