// What the passes of a device cost, from the first of a prompt to the last of a text.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "accel/device.h"

namespace accllm::cli {

class PassLog {
 public:
  // n_prompt: tokens of the prompt, which stand at positions 0 to n_prompt - 1.
  explicit PassLog(int64_t n_prompt) : n_prompt_(n_prompt) {}

  // `cycles`: of the device so far, this pass included.
  void Add(const accel::PassRegisters& pass, int64_t cycles);

  int64_t n_passes() const { return n_passes_; }
  int64_t n_prompt_read() const { return n_prompt_read_; }
  int64_t prompt_cycles() const { return prompt_cycles_; }
  const std::optional<accel::PassRegisters>& last() const { return last_; }

  // Cycles a token, in each tenth of the tokens from the prompt's end up to position `end`, where
  // the text stands now; fewer parts of fewer than ten tokens. The tokens of a pass share its
  // cycles.
  std::vector<double> CyclesByTenth(int64_t end) const;

 private:
  // When the device came to a position.
  struct Mark {
    int64_t position;
    int64_t cycles;
  };

  int64_t n_prompt_;
  int64_t n_passes_ = 0;
  int64_t n_prompt_read_ = 0;
  int64_t prompt_cycles_ = 0;
  int64_t cycles_ = 0;
  std::vector<Mark> marks_;  // ascending, of passes behind the prompt
  std::optional<accel::PassRegisters> last_;
};

}  // namespace accllm::cli
