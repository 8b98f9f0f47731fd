// Runs the instructions of a program one by one on given vectors, and writes what each gives.
//
// usage: run_made_vectors PROGRAM N_PASSES < INPUT > RESULTS
//   INPUT    floats; for each pass the angles of its tokens, then for each instruction all vectors,
//            [slots][size] each: what the vectors hold before it runs
// A pass has as many tokens as the machine has slots; token ids count from 0, modulo the
// vocabulary.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"

namespace accllm::accel {
namespace {

Status Read(void* out, size_t n_bytes) {
  if (std::fread(out, 1, n_bytes, stdin) == n_bytes) return {};
  return Fail(ErrorCode::kIo, "the input is too short");
}

Status RunPass(MachineState& m, std::span<const isa::Instruction> instructions, ThreadPool& pool) {
  const int64_t angle_bytes = int64_t{m.g.slots} * RopeFloats(m.g) * int64_t{sizeof(float)};
  ACCLLM_RETURN_IF_ERROR(Read(m.At(m.g.rope_address), Index(angle_bytes)));
  for (const isa::Instruction& instruction : instructions) {
    for (std::vector<float>& vector : m.vectors) {
      ACCLLM_RETURN_IF_ERROR(Read(vector.data(), vector.size() * sizeof(float)));
    }
    RunInstruction(m, instruction, pool);
    const std::vector<uint8_t> result = ResultOf(m, instruction);
    std::fwrite(result.data(), 1, result.size(), stdout);
  }
  return {};
}

Status RunPasses(const char* path, int n_passes) {
  ACCLLM_ASSIGN_OR_RETURN(const ProgramFile program, ProgramFile::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(MachineState m, LoadMachine(program));
  ThreadPool pool(1);
  m.pass.n_tokens = m.pass.n_outputs = m.g.slots;
  for (int pass = 0; pass < n_passes; ++pass) {
    for (int64_t t = 0; t < m.pass.n_tokens; ++t) {
      m.pass.tokens[Index(t)] = static_cast<int32_t>((m.pass.position + t) % m.g.vocab);
    }
    ACCLLM_RETURN_IF_ERROR(RunPass(m, program.instructions(), pool));
    m.pass.position += m.pass.n_tokens;
  }
  return {};
}

}  // namespace
}  // namespace accllm::accel

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view number = argv[2];
  int n_passes = 0;
  std::from_chars(number.data(), number.data() + number.size(), n_passes);
  const accllm::Status status = accllm::accel::RunPasses(argv[1], n_passes);
  if (status) return 0;
  fmt::print(stderr, "{}\n", status.error().ToString());
  return 1;
}
