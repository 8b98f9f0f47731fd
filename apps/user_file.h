// Files that belong to the user, where the XDG base directories say.
#pragma once

#include <string>

namespace accllm::cli {

// $VARIABLE/accllm/NAME if the variable holds an absolute path, else ~/FALLBACK/accllm/NAME; empty
// without a home.
std::string UserFile(const char* variable, const std::string& fallback, const std::string& name);

}  // namespace accllm::cli
