#include "user_file.h"

#include <cstdlib>

namespace accllm::cli {

std::string UserFile(const char* variable, const std::string& fallback, const std::string& name) {
  const std::string file = "/accllm/" + name;
  const char* folder = std::getenv(variable);
  if (folder != nullptr && *folder == '/') return folder + file;
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == 0 ? "" : home + ("/" + fallback + file);
}

}  // namespace accllm::cli
