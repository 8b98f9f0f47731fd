// The cycle model beside the RTL: what a pass takes, instruction by instruction, against a memory
// that answers after so many cycles and gives a beat a cycle.
#include <fmt/format.h>

#include <map>
#include <numeric>

#include "accel/timing/cycle_model.h"
#include "tests/rtl/top_test.h"

namespace accllm::rtl {
namespace {

// How far the model may be from the RTL: in a pass and in each layer, in each instruction. The
// phase in which KV4 gives a group is not modelled for every one of them.
constexpr double kPassError = 0.005;
constexpr double kInstructionError = 0.01;

constexpr int64_t kClockKhz = 250'000;  // whole picoseconds a cycle
constexpr accel::Picoseconds kCycle = 1'000'000'000 / kClockKhz;

// The parameters of the benches' accllm_top, and their memory.
accel::MachineTiming BenchTiming() {
  accel::MachineTiming timing;
  const AxiMemoryOptions memory;
  timing.hbm.t_beat = kCycle;
  timing.hbm.request_latency = kCycle * (memory.latency - 1);
  for (accel::Picoseconds* none :
       {&timing.hbm.response_latency, &timing.hbm.t_cl, &timing.hbm.t_cwl, &timing.hbm.t_rcd_read,
        &timing.hbm.t_rcd_write, &timing.hbm.t_rp, &timing.hbm.t_ras, &timing.hbm.t_rc,
        &timing.hbm.t_rrd, &timing.hbm.t_faw, &timing.hbm.t_rtp, &timing.hbm.t_wr,
        &timing.hbm.t_wtr, &timing.hbm.t_bus_turn, &timing.hbm.t_refi}) {
    *none = 0;
  }
  timing.stream_beats = 64;
  timing.read_burst_beats = 16;
  timing.lanes_per_silu = ACCLLM_LANES_PER_SILU;
  timing.head_queries = 2 * kSlots;
  return timing;
}

// Cycles of a pass: of each instruction from when the vector unit takes it, behind the results of
// the one before, until it takes the next. The first has the pass's beginning and end too.
struct PassCycles {
  int64_t total = 0;
  std::vector<int64_t> of;  // [instruction]

  void TakeRest() { of[0] = total - std::accumulate(of.begin() + 1, of.end(), int64_t{0}); }
};

class Cycles : public TopTest {
 protected:
  void Compare(int64_t n_tokens, int64_t position) {
    SCOPED_TRACE(::testing::Message() << n_tokens << " tokens at " << position);
    const PassCycles rtl = OfRtl(n_tokens, position);
    if (HasFatalFailure()) return;
    const PassCycles model = OfModel(n_tokens, position);
    ExpectNear(model.total, rtl.total, kPassError, "the pass");
    std::map<uint32_t, std::pair<int64_t, int64_t>> layers;
    for (size_t i = 0; i < rtl.of.size(); ++i) {
      const isa::Instruction& instruction = program_->instructions()[i];
      const auto label = isa::kOpcodeLabels[instruction.opcode].label;
      ExpectNear(model.of[i], rtl.of[i], kInstructionError, fmt::format("{} {}", i, label));
      layers[instruction.layer].first += model.of[i];
      layers[instruction.layer].second += rtl.of[i];
    }
    for (const auto& [layer, cycles] : layers) {
      ExpectNear(cycles.first, cycles.second, kPassError, fmt::format("layer {}", layer));
    }
  }

 private:
  PassCycles OfRtl(int64_t n_tokens, int64_t position) {
    host_->jobs().clear();
    RunPass(n_tokens, 1, position);
    PassCycles pass = {static_cast<int64_t>(cycles_),
                       std::vector<int64_t>(program_->instructions().size())};
    const std::vector<KernelJob>& jobs = host_->jobs();
    for (size_t i = 0; i + 1 < jobs.size(); ++i) {
      // Before its first job the unit is where the last pass has ended.
      if (i == 0 && jobs[i].index > 0) continue;
      pass.of[jobs[i].index] = jobs[i + 1].cycle - jobs[i].cycle;
    }
    pass.TakeRest();
    return pass;
  }

  PassCycles OfModel(int64_t n_tokens, int64_t position) const {
    isa::Geometry geometry = g();
    geometry.clock_khz = kClockKhz;
    geometry.vector_lanes = kLanes;
    accel::CycleModel model(geometry, program_->instructions(), BenchTiming());
    accel::PassRegisters registers;
    registers.position = position;
    registers.n_tokens = n_tokens;
    registers.n_outputs = 1;
    PassCycles pass = {model.Run(registers), std::vector<int64_t>(program_->instructions().size())};
    const std::vector<accel::InstructionCycles>& records = model.last_pass();
    for (size_t i = 0; i + 1 < records.size(); ++i) {
      pass.of[i] = records[i + 1].taken - records[i].taken;
    }
    pass.TakeRest();
    return pass;
  }

  static void ExpectNear(int64_t model, int64_t rtl, double error, const std::string& what) {
    constexpr double kFewCycles = 2;  // of a store that little else hides
    EXPECT_LE(std::abs(static_cast<double>(model - rtl)),
              std::max(kFewCycles, error * static_cast<double>(rtl)))
        << what << ": " << model << " modelled, " << rtl << " in RTL";
  }
};

// As large as the banks of floats allow; two layers, all types of weights.
ModelConfig Config(int64_t head_dim) {
  ModelConfig config = testing::TinyPackedConfig();
  config.hidden_size = 128 * kLanes;
  config.intermediate_size = 256 * kLanes;
  config.n_heads = config.n_kv_heads = config.hidden_size / head_dim;
  config.head_dim = head_dim;
  config.vocab_size = 512;
  return config;
}

TEST_F(Cycles, HeadsOf128Dimensions) {
  Prepare(Config(128), false, {.has_attention = true, .window = {4, 60}});
  Compare(1, 0);
  Compare(1, 300);
  Compare(kSlots, 301);
}

TEST_F(Cycles, HeadsOf64Dimensions) {
  Prepare(Config(64), false, {.has_attention = true, .window = {4, 60}});
  Compare(1, 300);
  Compare(2, 60);
  Compare(kSlots, 301);
}

TEST_F(Cycles, PrunedWeightsWithBiases) {
  ModelConfig config = Config(64);
  config.n_kv_heads /= 2;
  config.has_qkv_bias = config.has_o_bias = config.has_mlp_bias = true;
  std::vector<TensorPlan> plan = testing::AcceleratorPlan(config);
  for (TensorPlan& tensor : plan) {
    const bool is_matrix = tensor.name.starts_with("layers.") && tensor.rows > 1;
    if (is_matrix) tensor.type = format::TensorType::kW2S24;
  }
  Prepare(config, false, {.has_attention = true, .window = {4, 60}, .plan = plan});
  Compare(1, 1000);
  Compare(kSlots, 1001);
}

}  // namespace
}  // namespace accllm::rtl
