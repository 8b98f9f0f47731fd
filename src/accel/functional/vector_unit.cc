// Input, norm and quantisation.
#include <algorithm>
#include <bit>

#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"
#include "kernels/quantize/quantize.h"
#include "kernels/rmsnorm/rmsnorm.h"

namespace accllm::accel {
namespace {

void QuantizeInto(ActivationBuffer& buffer, int64_t token, std::span<const float> x) {
  std::vector<uint8_t> codes(Index(buffer.blocks * 256));
  kernels::QuantizeActivationsScalar(x.data(), std::ssize(x), codes.data(),
                                     &buffer.scales[Index(token)]);
  // The contract's codes are offset and position-major: [block][4][64].
  int8_t* out = buffer.codes.data() + token * buffer.blocks * 256;
  for (int64_t k = 0; k < buffer.blocks * 256; ++k) {
    const int64_t in_block = k % 256;
    const int64_t at = k - in_block + 64 * (in_block % 4) + in_block / 4;
    out[k] = static_cast<int8_t>(codes[Index(at)] - 128);
  }
}

ActivationBuffer& Resized(MachineState& m, const isa::Instruction& instruction) {
  ActivationBuffer& buffer = m.activations[instruction.destination];
  buffer.blocks = (m.SizeOf(static_cast<isa::Vector>(instruction.source)) + 255) / 256;
  buffer.codes.resize(Index(m.g.slots * buffer.blocks * 256));
  return buffer;
}

}  // namespace

void RunLoad(MachineState& m) {
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    LoadVector(m.At(m.g.input_address + token * InputStripes(m.g)), m.g.lanes,
               m.Of(isa::Vector::kStream, token));
  }
}

void RunQuantize(MachineState& m, const isa::Instruction& instruction) {
  ActivationBuffer& buffer = Resized(m, instruction);
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    QuantizeInto(buffer, token, m.Of(static_cast<isa::Vector>(instruction.source), token));
  }
}

void RunNorm(MachineState& m, const isa::Instruction& instruction) {
  ActivationBuffer& buffer = Resized(m, instruction);
  const auto source = static_cast<isa::Vector>(instruction.source);
  const std::vector<float> weight = m.Floats(instruction.address, m.SizeOf(source));
  std::vector<float> normed(weight.size());
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    kernels::RmsNormScalar(m.Of(source, token).data(), weight.data(), std::ssize(weight),
                           std::bit_cast<float>(instruction.parameter), normed.data());
    QuantizeInto(buffer, token, normed);
  }
}

std::vector<float> AnglesOf(const MachineState& m, int64_t token) {
  return m.NarrowFloats(m.g.rope_address + token * RopeStripes(m.g), RopeFloats(m.g));
}

std::vector<float> NormedHeads(const MachineState& m, const isa::Instruction& instruction,
                               std::span<const float> heads) {
  std::vector<float> normed(heads.begin(), heads.end());
  if (instruction.has_bias == 0) return normed;
  const int64_t dim = m.g.head_dim;
  const std::vector<float> weight = m.NarrowFloats(instruction.address, dim);
  for (size_t at = 0; at < normed.size(); at += weight.size()) {
    kernels::RmsNormScalar(&normed[at], weight.data(), dim,
                           std::bit_cast<float>(instruction.parameter), &normed[at]);
  }
  return normed;
}

}  // namespace accllm::accel
