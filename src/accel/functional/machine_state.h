// Memory, vectors and registers of the functional model, which its units share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "accel/device.h"
#include "accel/program/program_file.h"
#include "accel/program/stored_vector.h"
#include "base/huge_buffer.h"
#include "base/index.h"
#include "base/thread_pool.h"

namespace accllm::accel {

// Quantised inputs of linear layers, one a token.
struct ActivationBuffer {
  int64_t blocks = 0;
  std::vector<int8_t> codes;  // [slots][blocks * 256], zero beyond the input
  std::array<float, isa::kMaxSlots> scales = {};

  std::span<const int8_t> of(int64_t token) const {
    const auto width = static_cast<size_t>(blocks * 256);
    return std::span(codes).subspan(static_cast<size_t>(token) * width, width);
  }
};

struct MachineState {
  isa::Geometry g = {};
  HugeBuffer memory;  // [stripes][lanes] beats
  std::array<std::vector<float>, isa::kVectorLabels.size()>
      vectors;  // by isa::Vector: [slots][size]
  std::array<ActivationBuffer, isa::kActivationBuffers> activations;
  PassRegisters pass;

  const uint8_t* At(int64_t stripe) const {
    return memory.data() + stripe * g.lanes * isa::kBeatBytes;
  }
  uint8_t* At(int64_t stripe) { return memory.data() + stripe * g.lanes * isa::kBeatBytes; }

  // Copies of vectors in memory.
  std::vector<float> Floats(int64_t stripe, int64_t n) const {
    std::vector<float> values(Index(n));
    LoadVector(At(stripe), g.lanes, values);
    return values;
  }
  std::vector<float> NarrowFloats(int64_t stripe, int64_t n) const {
    std::vector<float> values(Index(n));
    LoadNarrowVector(At(stripe), g.lanes, values);
    return values;
  }

  int64_t SizeOf(isa::Vector vector) const {
    return std::ssize(vectors[static_cast<size_t>(vector)]) / g.slots;
  }
  std::span<float> Of(isa::Vector vector, int64_t token) {
    const auto size = static_cast<size_t>(SizeOf(vector));
    return std::span(vectors[static_cast<size_t>(vector)])
        .subspan(static_cast<size_t>(token) * size, size);
  }
};

// A machine that has run nothing: a program's image in its memory, all else zero. Errors:
// kOutOfMemory.
Result<MachineState> LoadMachine(const isa::Geometry& geometry, std::span<const uint8_t> image);

// One instruction, whatever the machine holds; instructions were checked when the program was read.
void RunInstruction(MachineState& m, const isa::Instruction& instruction, ThreadPool& pool);

// The units.
void RunLoad(MachineState& m);
void RunNorm(MachineState& m, const isa::Instruction& instruction);
void RunQuantize(MachineState& m, const isa::Instruction& instruction);
void RunLinear(MachineState& m, const isa::Instruction& instruction, ThreadPool& pool);
void RunStoreKv(MachineState& m, const isa::Instruction& instruction);
void RunAttend(MachineState& m, const isa::Instruction& instruction, ThreadPool& pool);

// What an instruction of the last pass gave, for comparisons: the floats of a vector, the codes and
// then the scales of an activation buffer (for each token of the pass), the keys' and then the
// values' memory of a layer, or the logits.
std::vector<uint8_t> ResultOf(const MachineState& m, const isa::Instruction& instruction);

// The angles of a token of the pass: cosines and sines at its position, then at the one that meets
// the sinks, [4, head_dim / 2].
std::vector<float> AnglesOf(const MachineState& m, int64_t token);

// A copy of a vector's heads, through RMSNorm where the instruction has weights for it.
std::vector<float> NormedHeads(const MachineState& m, const isa::Instruction& instruction,
                               std::span<const float> heads);

}  // namespace accllm::accel
