// The reference page of the command line, generated from the option tables.
#pragma once

#include <string>

namespace accllm::cli {

// docs/reference/cli.md, as Markdown.
std::string ReferencePage();

}  // namespace accllm::cli
