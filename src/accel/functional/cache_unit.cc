// Keys and values into the cache.
#include <cstring>

#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"
#include "kernels/hadamard/hadamard.h"
#include "kernels/kv4/kv4.h"
#include "kernels/rope/rope.h"

namespace accllm::accel {
namespace {

// One vector in KV4.
struct Kv4Vector {
  explicit Kv4Vector(int64_t padded_dim)
      : dim(padded_dim), codes(Index(padded_dim / 2)), groups(Index(padded_dim / 32)) {}

  void Quantize(std::span<const float> x) {
    kernels::QuantizeKv(x.data(), std::ssize(x), {codes.data(), &scale, groups.data(), 1});
  }

  int64_t dim;
  std::vector<uint8_t> codes;
  std::vector<uint8_t> groups;
  uint16_t scale = 0;
};

void StoreGroups(uint8_t* keys, const CacheLayout& layout, CacheLayout::Of of, int64_t head,
                 int64_t slot, const Kv4Vector& vector) {
  std::memcpy(keys + layout.Scale(of, head, slot), &vector.scale, sizeof(vector.scale));
  for (int64_t group = 0; group < layout.n_groups(); ++group) {
    keys[layout.Group(of, head, slot, group)] = vector.groups[Index(group)];
  }
}

// One nibble of each beat of the chunk.
void StoreValueCodes(uint8_t* values, const CacheLayout& layout, int64_t head, int64_t slot,
                     const Kv4Vector& vector) {
  const int64_t in_chunk = slot % isa::kChunkSlots;
  for (int64_t i = 0; i < vector.dim; ++i) {
    uint8_t* beat = values + layout.ValueBeat(head, slot / isa::kChunkSlots, i / 4);
    WriteBits(beat[16 * (i % 4) + in_chunk % 16], in_chunk / 16 * 4, 4,
              static_cast<unsigned>(kernels::KvCode(vector.codes.data(), vector.dim, i)));
  }
}

}  // namespace

void RunStoreKv(MachineState& m, const isa::Instruction& instruction) {
  const CacheLayout layout = CacheLayout::For(m.g);
  const int64_t dim = m.g.head_dim;
  uint8_t* at_keys = m.At(instruction.keys);
  const std::vector<float> angles =
      m.Floats(m.g.rope_address, int64_t{m.g.slots} * RopeFloats(m.g));
  std::vector<float> rotated(Index(dim));
  Kv4Vector vector(layout.padded_dim);
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    const float* cosines = angles.data() + token * RopeFloats(m.g);
    const std::vector<float> keys = NormedHeads(m, instruction, m.Of(isa::Vector::kKey, token));
    const std::span<const float> values = m.Of(isa::Vector::kValue, token);
    const int64_t slot = SlotOf(m.g, m.pass.position + token);
    for (int64_t head = 0; head < layout.kv_heads; ++head) {
      kernels::Rope(&keys[Index(head * dim)], cosines, cosines + dim / 2, dim, rotated.data());
      kernels::Hadamard(rotated.data(), dim);
      vector.Quantize(rotated);
      std::memcpy(at_keys + layout.KeyRow(head, slot), vector.codes.data(), vector.codes.size());
      StoreGroups(at_keys, layout, CacheLayout::kKeys, head, slot, vector);
      vector.Quantize(values.subspan(Index(head * dim), Index(dim)));
      StoreValueCodes(m.At(instruction.values), layout, head, slot, vector);
      StoreGroups(at_keys, layout, CacheLayout::kValues, head, slot, vector);
    }
  }
}

}  // namespace accllm::accel
