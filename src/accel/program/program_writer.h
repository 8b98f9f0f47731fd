// Writes a program file (.accp) section by section, so that a large model never lies in memory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "spec/accelerator.h"

namespace accllm::accel {

inline constexpr std::array<uint8_t, 8> kProgramMagic = {'A', 'C', 'C', 'P', 'R', 'O', 'G', '\n'};

// The file grows as `path`.partial, without a valid header until Finish() renames it to `path`; a
// writer that is dropped before removes it.
class ProgramWriter {
 public:
  // Errors: kIo.
  static Result<ProgramWriter> Create(const std::string& path, const isa::Geometry& geometry);

  ProgramWriter(ProgramWriter&&) noexcept;
  ProgramWriter& operator=(ProgramWriter&&) noexcept;
  ~ProgramWriter();

  // Bytes of the image from a stripe on; what is not written is zero.
  Status WriteStripes(int64_t stripe, std::span<const uint8_t> bytes);

  Status Finish(std::span<const isa::Instruction> instructions, std::span<const uint8_t> tokenizer,
                const std::string& metadata_json);

 private:
  struct State;
  explicit ProgramWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace accllm::accel
