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

  unsigned Code(int64_t i) const {
    return static_cast<unsigned>(kernels::KvCode(codes.data(), dim, i));
  }

  int64_t dim;
  std::vector<uint8_t> codes;
  std::vector<uint8_t> groups;
  uint16_t scale = 0;
};

// Codes of a key, which has the beats of its slot to itself or shares one by whole bytes.
void StoreKeyCodes(uint8_t* keys, const CacheLayout& layout, int64_t head, int64_t slot,
                   const Kv4Vector& vector) {
  for (int64_t i = 0; i < vector.dim; ++i) {
    uint8_t& byte = keys[layout.KeyCode(head, slot, i).Offset(layout.lanes)];
    WriteBits(byte, CacheLayout::IsHighKey(i) ? 4 : 0, 4, vector.Code(i));
  }
}

// One nibble of each beat of the chunk.
void StoreValueCodes(uint8_t* values, const CacheLayout& layout, int64_t head, int64_t slot,
                     const Kv4Vector& vector) {
  const int64_t in_chunk = layout.ValuePosition(head, slot);
  for (int64_t i = 0; i < vector.dim; ++i) {
    const BeatPlace beat = layout.ValueBeat(head, slot / isa::kChunkSlots, i / 4);
    uint8_t& byte = values[beat.Offset(layout.lanes) + 16 * (i % 4) + in_chunk % 16];
    WriteBits(byte, in_chunk / 16 * 4, 4, vector.Code(i));
  }
}

// Every beat of a key has its scales and the groups of its dimensions.
void StoreGroups(uint8_t* keys, const CacheLayout& layout, CacheLayout::Of of, int64_t head,
                 int64_t slot, const Kv4Vector& vector) {
  for (int64_t group = 0; group < layout.n_groups(); ++group) {
    const int64_t scale = layout.Scale(of, head, slot, 32 * group).Offset(layout.lanes);
    std::memcpy(keys + scale, &vector.scale, sizeof(vector.scale));
    keys[layout.Group(of, head, slot, group).Offset(layout.lanes)] = vector.groups[Index(group)];
  }
}

void StoreKeys(MachineState& m, const isa::Instruction& instruction, const CacheLayout& layout,
               int64_t token, int64_t slot) {
  const int64_t dim = m.g.head_dim;
  uint8_t* at_keys = m.At(instruction.keys);
  const std::vector<float> angles = AnglesOf(m, token);
  const float* cosines = angles.data();
  const std::vector<float> keys = NormedHeads(m, instruction, m.Of(isa::Vector::kKey, token));
  std::vector<float> rotated(Index(dim));
  Kv4Vector vector(layout.padded_dim);
  for (int64_t head = 0; head < layout.kv_heads; ++head) {
    kernels::Rope(&keys[Index(head * dim)], cosines, cosines + dim / 2, dim, rotated.data());
    kernels::Hadamard(rotated.data(), dim);
    vector.Quantize(rotated);
    StoreKeyCodes(at_keys, layout, head, slot, vector);
    StoreGroups(at_keys, layout, CacheLayout::kKeys, head, slot, vector);
  }
}

void StoreValues(MachineState& m, const isa::Instruction& instruction, const CacheLayout& layout,
                 int64_t token, int64_t slot) {
  const int64_t dim = m.g.head_dim;
  const std::span<const float> values = m.Of(isa::Vector::kValue, token);
  Kv4Vector vector(layout.padded_dim);
  for (int64_t head = 0; head < layout.kv_heads; ++head) {
    vector.Quantize(values.subspan(Index(head * dim), Index(dim)));
    StoreValueCodes(m.At(instruction.values), layout, head, slot, vector);
    StoreGroups(m.At(instruction.keys), layout, CacheLayout::kValues, head, slot, vector);
  }
}

}  // namespace

void RunStoreKv(MachineState& m, const isa::Instruction& instruction) {
  const CacheLayout layout = CacheLayout::For(m.g);
  const bool is_key = static_cast<isa::Vector>(instruction.source) == isa::Vector::kKey;
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    const int64_t slot = SlotOf(m.g, m.pass.position + token);
    (is_key ? StoreKeys : StoreValues)(m, instruction, layout, token, slot);
  }
}

}  // namespace accllm::accel
