#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"

namespace accllm::accel {
namespace {

template <typename T>
void AppendBytes(std::vector<uint8_t>& out, const T* data, int64_t n) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(data);
  out.insert(out.end(), bytes, bytes + Index(n) * sizeof(T));
}

void AppendVector(std::vector<uint8_t>& out, const MachineState& m, isa::Vector vector) {
  AppendBytes(out, m.vectors[static_cast<size_t>(vector)].data(),
              m.pass.n_tokens * m.SizeOf(vector));
}

}  // namespace

std::vector<uint8_t> ResultOf(const MachineState& m, const isa::Instruction& instruction) {
  std::vector<uint8_t> out;
  const int64_t stripe_bytes = int64_t{m.g.lanes} * isa::kBeatBytes;
  switch (static_cast<isa::Opcode>(instruction.opcode)) {
    case isa::Opcode::kEnd:
      break;
    case isa::Opcode::kLoad:
      AppendVector(out, m, isa::Vector::kStream);
      break;
    case isa::Opcode::kNorm:
    case isa::Opcode::kQuantize: {
      const ActivationBuffer& buffer = m.activations[instruction.destination];
      AppendBytes(out, buffer.codes.data(), m.pass.n_tokens * buffer.blocks * 256);
      AppendBytes(out, buffer.scales.data(), m.pass.n_tokens);
      break;
    }
    case isa::Opcode::kLinear:
      if (static_cast<isa::Epilogue>(instruction.epilogue) != isa::Epilogue::kOutput) {
        AppendVector(out, m, static_cast<isa::Vector>(instruction.destination));
        break;
      }
      for (int64_t i = m.pass.n_tokens - m.pass.n_outputs; i < m.pass.n_tokens; ++i) {
        const std::vector<float> logits =
            m.Floats(m.g.output_address + i * OutputStripes(m.g), m.g.vocab);
        AppendBytes(out, logits.data(), std::ssize(logits));
      }
      break;
    case isa::Opcode::kStoreKv: {
      const CacheLayout layout = CacheLayout::For(m.g);
      AppendBytes(out, m.At(instruction.keys), layout.key_stripes() * stripe_bytes);
      AppendBytes(out, m.At(instruction.values), layout.value_stripes() * stripe_bytes);
      break;
    }
    case isa::Opcode::kAttend:
      AppendVector(out, m, isa::Vector::kMixed);
      break;
  }
  return out;
}

}  // namespace accllm::accel
