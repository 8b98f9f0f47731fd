// Writes a checkpoint as a GGUF file that llama.cpp loads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace accllm {

// Called before every tensor with the share that is written, 0..1; returns false to stop.
using ExportProgress = std::function<bool(double share, std::string_view tensor)>;

struct ExportReport {
  int64_t n_tensors = 0;
  int64_t n_parameters = 0;
  bool has_tokenizer = false;
};

// Matrices become F16, norms and biases F32; tokenizer, chat template and special tokens go along.
// `name` is what the file calls the model. The file appears when it is complete.
// Errors: those of reading; kUnsupported for values too large for F16 and for what GGUF has no
// counterpart to; kIo; kInterrupted if `progress` returns false.
Result<ExportReport> ExportGguf(const Checkpoint& checkpoint, const std::string& output,
                                const std::string& name, const ExportProgress& progress);

}  // namespace accllm
