#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "accel/functional/machine_state.h"
#include "accel/program/matrix_reader.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/vector_driver.h"
#include "tests/rtl/vector_program.h"

namespace accllm::rtl {

// A vector unit beside the functional model: runs instructions on both, and compares all that they
// give, bit for bit. Memory and sums are those of the functional model.
template <class Driver>
class VectorMachine {
 public:
  VectorMachine(int64_t lanes, int64_t slots, int64_t seed)
      : random_(seed), driver_(Stall(seed), Stall(seed + 1)) {
    g().lanes = lanes;
    g().slots = slots;
    g().hidden = 1 + random_.Below(330);
    g().intermediate = 1 + random_.Below(500);
    g().vocab = 1 + random_.Below(70);
    g().output_address = kOutputAddress;
    Result<HugeBuffer> memory = HugeBuffer::Allocate(kStripes * lanes * isa::kBeatBytes);
    EXPECT_TRUE(memory.has_value());
    model_.memory = *std::move(memory);
    VectorOf(isa::Vector::kStream).resize(slots * g().hidden);
    VectorOf(isa::Vector::kGate).resize(slots * g().intermediate);
    stream_ = {0, g().hidden, lanes};
    scratch_ = {stream_.At(slots, 0, 0), g().hidden, lanes};
    gate_ = {scratch_.At(slots, 0, 0), g().intermediate, lanes};
  }

  // All that a pass does but attention, with made-up inputs and weights.
  void RunPass() {
    model_.pass.n_tokens = model_.pass.n_outputs = 1 + random_.Below(g().slots);
    Load();
    Norm(0);
    Linear(isa::Epilogue::kStore, isa::Vector::kGate, 0);
    Linear(isa::Epilogue::kSiluMul, isa::Vector::kGate, 0);
    Quantize(1);
    Linear(isa::Epilogue::kAdd, isa::Vector::kStream, 1);
    Norm(0);
    Linear(isa::Epilogue::kOutput, isa::Vector::kStream, 0);
    EXPECT_FALSE(driver_.has_beats());
  }

 private:
  static constexpr int64_t kStripes = 8192;
  static constexpr uint32_t kWeightAddress = 1024;
  static constexpr uint32_t kOutputAddress = 2048;
  static constexpr uint32_t kMatrixAddress = 3072;

  isa::Geometry& g() { return model_.g; }
  int n_tokens() const { return static_cast<int>(model_.pass.n_tokens); }
  std::vector<float>& VectorOf(isa::Vector vector) {
    return model_.vectors[static_cast<size_t>(vector)];
  }

  // Floats of one kind: ordinary ones, zeros, subnormal ones, ordinary ones and a special one, any.
  std::vector<float> Floats(int64_t n) {
    std::vector<float> floats(n);
    const uint32_t kind = random_.Below(12);
    for (float& value : floats) {
      uint32_t bits = AnyFloat(random_);
      if (kind < 9) bits = (bits & 0x807FFFFFU) | ((115 + random_.Below(20)) << 23);
      if (kind == 9) bits &= 0x807FFFFFU;
      if (kind == 10) bits &= 0x80000000U;
      value = AsFloat(bits);
    }
    if (kind == 8) floats[random_.Below(n)] = AsFloat(Special(random_.Below(kSpecials)));
    return floats;
  }

  void Store(uint32_t stripe, const std::vector<float>& floats) {
    const std::vector<uint8_t> bytes = accel::StoreVector(floats, g().lanes);
    std::copy(bytes.begin(), bytes.end(), model_.At(stripe));
  }

  // Stripes for the lanes' memories of scales and floats.
  void Stream(int64_t stripe, int64_t n, bool is_float) {
    for (int64_t i = 0; i < n; ++i) {
      SideBeat beat;
      beat.is_float = is_float;
      beat.words.resize(g().lanes * isa::kBeatBytes / 8);
      std::memcpy(beat.words.data(), model_.At(stripe + i), g().lanes * isa::kBeatBytes);
      driver_.PushBeat(std::move(beat));
    }
  }

  void Push(const std::vector<VectorOp>& ops) {
    for (const VectorOp& op : ops) driver_.PushOp(op);
  }

  void Load() {
    for (int64_t token = 0; token < n_tokens(); ++token) {
      const int64_t stripe = g().input_address + token * accel::InputStripes(g());
      Store(stripe, Floats(g().hidden));
      Stream(stripe, accel::InputStripes(g()), true);
    }
    accel::RunLoad(model_);
    Push(LoadOps(stream_, n_tokens()));
    driver_.Run();
    CompareVector("load", isa::Vector::kStream, stream_);
  }

  void Norm(uint32_t buffer) {
    isa::Instruction norm = {};
    norm.source = static_cast<uint32_t>(isa::Vector::kStream);
    norm.destination = buffer;
    norm.address = kWeightAddress;
    norm.parameter = AsBits(random_.Below(4) == 0 ? 0.0F : 1e-5F);
    Store(kWeightAddress, Floats(g().hidden));
    Stream(kWeightAddress, accel::VectorStripes(g().hidden, g().lanes), true);
    accel::RunNorm(model_, norm);
    driver_.MakeInverseRms(n_tokens(), g().hidden, norm.parameter);
    Push(NormOps(stream_, scratch_, n_tokens()));
    driver_.Run();
    MakeCodes("norm", scratch_, buffer);
  }

  void Quantize(uint32_t buffer) {
    isa::Instruction quantize = {};
    quantize.source = static_cast<uint32_t>(isa::Vector::kGate);
    quantize.destination = buffer;
    accel::RunQuantize(model_, quantize);
    MakeCodes("quantize", gate_, buffer);
  }

  void MakeCodes(const char* what, const VectorHome& home, uint32_t buffer) {
    driver_.MakeA8(n_tokens(), buffer);
    Push(QuantizeOps(home, buffer, n_tokens()));
    driver_.Run();
    const accel::ActivationBuffer& expected = model_.activations[buffer];
    for (int64_t block = 0; block < expected.blocks; ++block) {
      const auto codes = driver_.Operands(buffer, block, false);
      const auto both = driver_.Operands(buffer, block, true);
      for (int64_t token = 0; token < n_tokens(); ++token) {
        const int64_t half = token % (g().slots / 2);
        for (int64_t i = 0; i < 256; ++i) {
          ASSERT_EQ(codes[token][i], expected.of(token)[block * 256 + i])
              << what << ": token " << token << ", block " << block << ", column " << i;
          ASSERT_EQ(both[token][i], codes[half][i]) << what << ": slot " << token;
        }
      }
    }
  }

  void Linear(isa::Epilogue epilogue, isa::Vector destination, uint32_t source) {
    isa::Instruction linear = {};
    linear.format = static_cast<uint32_t>(isa::WeightFormat::kDense4);
    linear.epilogue = static_cast<uint32_t>(epilogue);
    linear.source = source;
    linear.destination = static_cast<uint32_t>(destination);
    VectorHome home = destination == isa::Vector::kGate ? gate_ : stream_;
    if (epilogue == isa::Epilogue::kOutput) home = {0, g().vocab, g().lanes};
    linear.rows = home.size;
    linear.blocks = model_.activations[source].blocks;
    linear.address = kMatrixAddress;
    linear.has_bias = random_.Below(2);
    const accel::MatrixLayout layout = MakeMatrix(linear);
    Push(LinearOps(
        {static_cast<VectorEpilogue>(epilogue), layout.has_bias, source, home, n_tokens()},
        [&](int64_t token, int64_t row) { return Sum(linear, layout, token, row); },
        random_.Below(2) == 0));
    ThreadPool pool(1);
    accel::RunLinear(model_, linear, pool);
    driver_.Run();
    if (epilogue == isa::Epilogue::kOutput) {
      CompareOutput();
    } else {
      CompareVector("linear", destination, home);
    }
  }

  // Random weights, and heads with zeros where there are no rows.
  accel::MatrixLayout MakeMatrix(const isa::Instruction& linear) {
    const accel::MatrixLayout layout = {isa::WeightFormat::kDense4, linear.rows, linear.blocks,
                                        g().lanes, linear.has_bias == 1};
    uint8_t* bytes = model_.At(kMatrixAddress);
    const int64_t n = layout.stripes() * g().lanes * isa::kBeatBytes;
    EXPECT_LE(kMatrixAddress + layout.stripes(), kStripes);
    for (int64_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(random_.Below(256));
    for (int64_t round = 0; round < layout.n_rounds(); round += isa::kScaleTiles) {
      std::memset(model_.At(kMatrixAddress + layout.ScaleBeat(round)), 0,
                  layout.head_beats() * g().lanes * isa::kBeatBytes);
    }
    const uint32_t special = random_.Below(8 * layout.rows);
    for (int64_t row = 0; row < layout.rows; ++row) MakeHead(layout, row, row == special);
    for (int64_t round = 0; round < layout.n_rounds(); round += isa::kScaleTiles) {
      const int64_t head = kMatrixAddress + layout.ScaleBeat(round);
      Stream(head, 1, false);
      if (layout.has_bias) Stream(head + 1, 2, true);
    }
    return layout;
  }

  void MakeHead(const accel::MatrixLayout& layout, int64_t row, bool is_special) {
    const int64_t tile = row / 8;
    const int64_t round = tile / g().lanes;
    const int64_t lane = tile % g().lanes;
    const accel::BeatPlace scale = {layout.ScaleBeat(round), lane,
                                    16 * (round % isa::kScaleTiles) + 2 * (row % 8)};
    uint32_t bits = random_.Below(1U << 16);
    if (!is_special) bits = (bits & 0x807FU) | (100 + random_.Below(8)) << 7;
    std::memcpy(model_.At(kMatrixAddress) + scale.Offset(g().lanes), &bits, 2);
    if (!layout.has_bias) return;
    const accel::BeatPlace bias = {layout.BiasBeat(round), lane, 32 * (round % 2) + 4 * (row % 8)};
    bits = AnyFloat(random_);
    if (!is_special) bits = (bits & 0x807FFFFFU) | (120 + random_.Below(8)) << 23;
    std::memcpy(model_.At(kMatrixAddress) + bias.Offset(g().lanes), &bits, 4);
  }

  uint32_t Sum(const isa::Instruction& linear, const accel::MatrixLayout& layout, int64_t token,
               int64_t row) {
    if (row >= layout.rows) return 0;
    const accel::MatrixReader reader(model_.At(linear.address), layout);
    uint32_t sum = 0;
    int8_t levels[256];
    uint8_t multipliers[8];
    for (int64_t block = 0; block < layout.blocks; ++block) {
      reader.Read(row, block, levels, multipliers);
      const int8_t* codes = model_.activations[linear.source].of(token).data() + 256 * block;
      for (int64_t k = 0; k < 256; ++k) {
        sum += static_cast<uint32_t>(multipliers[k / 32] * levels[k] * codes[k]);
      }
    }
    return sum;
  }

  void CompareVector(const char* what, isa::Vector vector, const VectorHome& home) {
    for (int64_t token = 0; token < n_tokens(); ++token) {
      for (int64_t i = 0; i < home.size; ++i) {
        const int64_t tile = i / 8;
        const uint32_t value =
            driver_.At(static_cast<int>(tile % g().lanes), home.At(token, tile / g().lanes, i % 8));
        const uint32_t expected = AsBits(model_.Of(vector, token)[i]);
        ASSERT_TRUE(SameFloat(value, expected))
            << what << ": token " << token << ", element " << i << std::hex << ": " << value
            << ", not " << expected;
      }
    }
  }

  void CompareOutput() {
    const VectorHome home = {0, g().vocab, g().lanes};
    std::vector<float> expected(g().vocab);
    std::vector<int64_t> n_seen(n_tokens());
    for (const VectorOutput& output : driver_.TakeOutputs()) {
      const int64_t round = (output.addr - home.At(output.token, 0, output.row)) / 8;
      const int64_t i = 8 * (round * g().lanes + output.lane) + output.row;
      if (i >= g().vocab) continue;
      const int64_t stripe = kOutputAddress + output.token * accel::OutputStripes(g());
      accel::LoadVector(model_.At(stripe), g().lanes, expected);
      ASSERT_TRUE(SameFloat(output.value, AsBits(expected[i])))
          << "output: token " << output.token << ", element " << i;
      ++n_seen[output.token];
    }
    for (int64_t n : n_seen) ASSERT_EQ(n, g().vocab);
  }

  accel::MachineState model_;
  Vector random_;
  Driver driver_;
  VectorHome stream_, scratch_, gate_;
};

}  // namespace accllm::rtl
