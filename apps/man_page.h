// Manual pages for man(1), generated from the option tables.
#pragma once

#include <string>

namespace accllm::cli {

// accllm-VERB.1, or accllm.1 if `verb` is empty, in the macros of man(7).
std::string ManPage(const std::string& verb);

}  // namespace accllm::cli
