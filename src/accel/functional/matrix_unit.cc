// Linear layers and embedding rows: what the lanes make of a matrix's streams.
#include <cstring>

#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"
#include "base/fp16.h"
#include "kernels/silu/silu.h"

namespace accllm::accel {
namespace {

// Reads one row of a matrix out of the streams.
class RowReader {
 public:
  RowReader(const MachineState& m, const isa::Instruction& instruction)
      : m_(m),
        address_(instruction.address),
        layout_{static_cast<isa::WeightFormat>(instruction.format), instruction.rows,
                instruction.blocks, m.g.lanes},
        type_(BlockTypeOf(layout_.format)) {}

  float Scale(int64_t row) const {
    const Place place = PlaceOf(row);
    const uint8_t* beat = m_.Beat(address_ + layout_.ScaleBeat(place.round), place.lane);
    uint16_t bits = 0;
    std::memcpy(&bits, beat + 16 * (place.round % isa::kScaleTiles) + 2 * place.in_tile,
                sizeof(bits));
    return Bf16ToFloat(bits);
  }

  // Levels and multipliers of 256 columns.
  void Read(int64_t row, int64_t block, int8_t* levels, uint8_t* multipliers) const {
    const Place place = PlaceOf(row);
    uint8_t bytes[4 * isa::kBeatBytes];
    const int64_t tile_block = TileBlockBytes(type_);
    const int64_t first = layout_.TileBeat(place.round) + block * tile_block / isa::kBeatBytes;
    const BlockPlace at = PlaceOfBlock(type_, 1, place.in_tile, 0);
    const int64_t n_beats = BlockRowBytes(type_) / isa::kBeatBytes;
    for (int64_t i = 0; i < n_beats; ++i) {
      const int64_t stripe = address_ + first + at.row_offset / isa::kBeatBytes + i;
      std::memcpy(bytes + i * isa::kBeatBytes, m_.Beat(stripe, place.lane), isa::kBeatBytes);
    }
    DecodeBlockRow(type_, bytes, levels);
    const int64_t scales = address_ + first + at.multipliers_offset / isa::kBeatBytes;
    std::memcpy(multipliers, m_.Beat(scales, place.lane) + at.multipliers_offset % isa::kBeatBytes,
                format::kGroupsPerBlock);
  }

  int64_t blocks() const { return layout_.blocks; }

 private:
  struct Place {
    int64_t lane;
    int64_t round;
    int64_t in_tile;
  };

  Place PlaceOf(int64_t row) const {
    const int64_t tile = row / format::kTileRows;
    return {tile % layout_.lanes, tile / layout_.lanes, row % format::kTileRows};
  }

  const MachineState& m_;
  int64_t address_;
  MatrixLayout layout_;
  format::TensorType type_;
};

// sums[token] of one row and block, added.
void AddBlock(const int8_t* levels, const uint8_t* multipliers, const ActivationBuffer& input,
              int64_t block, int64_t first_token, int64_t n_tokens, int64_t* sums) {
  for (int64_t token = first_token; token < n_tokens; ++token) {
    const int8_t* a = input.of(token).data() + block * 256;
    for (int64_t group = 0; group < format::kGroupsPerBlock; ++group) {
      int32_t sum = 0;
      for (int64_t k = 32 * group; k < 32 * group + 32; ++k) sum += levels[k] * a[k];
      sums[token] += int64_t{sum} * multipliers[group];
    }
  }
}

class LinearRun {
 public:
  LinearRun(MachineState& m, const isa::Instruction& instruction)
      : m_(m),
        i_(instruction),
        reader_(m, instruction),
        epilogue_(static_cast<isa::Epilogue>(instruction.epilogue)) {
    if (i_.has_bias == 1) bias_ = m.Floats(i_.bias, i_.rows);
    if (epilogue_ == isa::Epilogue::kOutput) first_token_ = m.pass.n_tokens - m.pass.n_outputs;
  }

  void Row(int64_t row) {
    const ActivationBuffer& input = m_.activations[i_.source];
    int64_t sums[isa::kMaxSlots] = {};
    int8_t levels[256];
    uint8_t multipliers[format::kGroupsPerBlock];
    for (int64_t block = 0; block < reader_.blocks(); ++block) {
      reader_.Read(row, block, levels, multipliers);
      AddBlock(levels, multipliers, input, block, first_token_, m_.pass.n_tokens, sums);
    }
    const float scale = reader_.Scale(row);
    for (int64_t token = first_token_; token < m_.pass.n_tokens; ++token) {
      float y = static_cast<float>(sums[token]) * (scale * input.scales[Index(token)]);
      if (!bias_.empty()) y += bias_[Index(row)];
      Put(row, token, y);
    }
  }

 private:
  void Put(int64_t row, int64_t token, float y) {
    if (epilogue_ == isa::Epilogue::kOutput) {
      const int64_t stripe = m_.g.output_address + token * OutputStripes(m_.g);
      std::memcpy(m_.At(stripe) + row * int64_t{sizeof(float)}, &y, sizeof(y));
      return;
    }
    float& v = m_.Of(static_cast<isa::Vector>(i_.destination), token)[Index(row)];
    switch (epilogue_) {
      case isa::Epilogue::kAdd:
        v += y;
        break;
      case isa::Epilogue::kSiluMul:
        kernels::SiluMulScalar(&v, &y, 1, &v);
        break;
      default:
        v = y;
    }
  }

  MachineState& m_;
  const isa::Instruction& i_;
  RowReader reader_;
  isa::Epilogue epilogue_;
  std::vector<float> bias_;
  int64_t first_token_ = 0;
};

}  // namespace

void RunEmbed(MachineState& m, const isa::Instruction& instruction) {
  const RowReader reader(m, instruction);
  for (int64_t token = 0; token < m.pass.n_tokens; ++token) {
    const int64_t row = m.pass.tokens[Index(token)];
    const float scale = reader.Scale(row);
    const std::span<float> out = m.Of(isa::Vector::kStream, token);
    int8_t levels[256];
    uint8_t multipliers[format::kGroupsPerBlock];
    for (int64_t k = 0; k < std::ssize(out); ++k) {
      if (k % 256 == 0) reader.Read(row, k / 256, levels, multipliers);
      const int64_t group = k % 256 / 32;
      out[Index(k)] = static_cast<float>(levels[k % 256] * multipliers[group]) * scale;
    }
  }
}

void RunLinear(MachineState& m, const isa::Instruction& instruction, ThreadPool& pool) {
  if (static_cast<isa::Epilogue>(instruction.epilogue) == isa::Epilogue::kOutput &&
      m.pass.n_outputs == 0) {
    return;
  }
  LinearRun run(m, instruction);
  pool.ParallelFor(instruction.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) run.Row(row);
  });
}

}  // namespace accllm::accel
