// Runs the instructions of a program one by one on given vectors, and writes what each gives.
//
// usage: run_made_vectors PROGRAM N_PASSES < INPUT > RESULTS
//   INPUT    for each pass the memory with its embeddings and angles, then for each instruction all
//            vectors, floats [slots][size] each: what they hold before it runs
// A pass has as many tokens as the machine has slots.
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
  // They follow each other in memory, and logits follow them.
  ACCLLM_RETURN_IF_ERROR(
      Read(m.At(m.g.input_address), Index(m.At(m.g.output_address) - m.At(m.g.input_address))));
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
  ACCLLM_ASSIGN_OR_RETURN(MachineState m, LoadMachine(program.geometry(), program.image()));
  ThreadPool pool(1);
  m.pass.n_tokens = m.pass.n_outputs = m.g.slots;
  for (int pass = 0; pass < n_passes; ++pass) {
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
