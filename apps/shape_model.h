// The tensors of a well-known shape, for estimates that need no file.
#pragma once

#include <string>

#include "compiler/compile.h"

namespace accllm::cli {

// As accllm synth writes it, linear layers of the type `linear` ("w2-2:4", ...). Errors:
// kInvalidArgument for an unknown name.
Result<compiler::ModelTensors> TensorsOfShape(const std::string& shape, const std::string& linear);

}  // namespace accllm::cli
