// What an interrupted compression needs to go on: which blocks are done, and with what options.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "compress/compress.h"

namespace accllm {

struct Journal {
  std::string fingerprint;  // of checkpoint and options; a resumed run must have the same
  int64_t layers_done = 0;
  double seconds = 0;                // spent so far
  std::vector<LinearReport> layers;  // reports of the tensors done
  std::vector<TuneReport> tuning;    // of the blocks done, where the recipe tunes
  std::vector<BudgetChoice> budget;  // once it is spent, where there is one

  // Writes the journal so that it is either the old one or this one. Errors: kIo.
  Status Save(const std::string& path) const;

  // Errors: kNotFound, kIo, kCorrupt.
  static Result<Journal> Load(const std::string& path);
};

}  // namespace accllm
