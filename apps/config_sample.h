// A configuration file to start from, generated from the option tables.
#pragma once

#include <string>

namespace accllm::cli {

// All options of all verbs with their help, commented out.
std::string ConfigSample();

}  // namespace accllm::cli
