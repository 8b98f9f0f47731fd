// Linear layers: what the lanes make of a matrix's streams.
#include <cstring>

#include "accel/functional/machine_state.h"
#include "accel/program/matrix_reader.h"
#include "kernels/silu/silu.h"

namespace accllm::accel {
namespace {

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
        reader_(m.At(instruction.address),
                {static_cast<isa::WeightFormat>(instruction.format), instruction.rows,
                 instruction.blocks, m.g.lanes, instruction.has_bias == 1}),
        epilogue_(static_cast<isa::Epilogue>(instruction.epilogue)) {
    if (epilogue_ == isa::Epilogue::kOutput) first_token_ = m.pass.n_tokens - m.pass.n_outputs;
  }

  void Row(int64_t row) {
    const ActivationBuffer& input = m_.activations[i_.source];
    int64_t sums[isa::kMaxSlots] = {};
    int8_t levels[256];
    uint8_t multipliers[format::kGroupsPerBlock];
    for (int64_t block = 0; block < reader_.layout().blocks; ++block) {
      reader_.Read(row, block, levels, multipliers);
      AddBlock(levels, multipliers, input, block, first_token_, m_.pass.n_tokens, sums);
    }
    const float scale = reader_.Scale(row);
    for (int64_t token = first_token_; token < m_.pass.n_tokens; ++token) {
      float y = static_cast<float>(sums[token]) * (scale * input.scales[Index(token)]);
      if (reader_.layout().has_bias) y += reader_.Bias(row);
      Put(row, token, y);
    }
  }

 private:
  void Put(int64_t row, int64_t token, float y) {
    if (epilogue_ == isa::Epilogue::kOutput) {
      const int64_t stripe = m_.g.output_address + token * OutputStripes(m_.g);
      const BeatPlace tile = PlaceOfTile(row / format::kTileRows, m_.g.lanes);
      const int64_t in_tile = row % format::kTileRows * int64_t{sizeof(float)};
      std::memcpy(m_.At(stripe) + tile.Offset(m_.g.lanes) + in_tile, &y, sizeof(y));
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
  MatrixReader reader_;
  isa::Epilogue epilogue_;
  int64_t first_token_ = 0;
};

}  // namespace

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
