// The cycle model on programs of small models and of a large shape.
#include "accel/timing/cycle_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/accelerated_model.h"
#include "accel/data.h"
#include "accel/estimate/area_model.h"
#include "accel/estimate/performance.h"
#include "accel/timing/chrome_trace.h"
#include "accel/timing/cycle_device.h"
#include "compiler/testing/compiled_model.h"

namespace accllm {
namespace {

using accel::CycleModel;
using accel::InstructionCycles;
using accel::PassRegisters;
using compiler::Plan;

// Tensors of a shape, linear layers 2:4, embedding W4.
compiler::ModelTensors TensorsOfShape(const ModelConfig& config) {
  compiler::ModelTensors model = {"shape", config, {}};
  for (const TensorPlan& tensor : testing::TinyPlan(config)) {
    const bool is_linear = IsBlockType(tensor.type) || tensor.type == format::TensorType::kF16;
    const bool is_layer = tensor.name.starts_with("layers.");
    const auto type = !is_linear ? tensor.type
                      : is_layer ? format::TensorType::kW2S24
                                 : format::TensorType::kW4;
    model.tensors.push_back({tensor.name, type, tensor.rows, tensor.cols});
  }
  return model;
}

// Two layers of Llama-2-7B.
ModelConfig WideConfig() {
  ModelConfig c = testing::TinyPackedConfig();
  c.hidden_size = 4096;
  c.intermediate_size = 11008;
  c.n_heads = c.n_kv_heads = 32;
  c.head_dim = 128;
  c.vocab_size = 4096;
  return c;
}

Plan WidePlan(AttentionWindow window = {4, 2044}) {
  auto plan = compiler::PlanProgram(TensorsOfShape(WideConfig()),
                                    {*compiler::LoadTarget("u280"), window, 1 << 16}, nullptr);
  EXPECT_TRUE(plan) << plan.error().ToString();
  return *plan;
}

PassRegisters Registers(int64_t position, int64_t n_tokens) {
  PassRegisters registers;
  registers.position = position;
  registers.n_tokens = registers.n_outputs = n_tokens;
  return registers;
}

// Cycles of the second of two passes.
int64_t SteadyCycles(const Plan& plan, int64_t position, int64_t n_tokens) {
  CycleModel model(plan.graph.geometry, plan.instructions, {});
  const int64_t begin = model.Run(Registers(position, n_tokens));
  return model.Run(Registers(position + n_tokens, n_tokens)) - begin;
}

TEST(CycleModel, BeatsAreThoseOfTheStreams) {
  const Plan plan = WidePlan();
  const isa::Geometry& g = plan.graph.geometry;
  CycleModel model(g, plan.instructions, {});
  model.Run(Registers(5000, 1));
  int64_t cache_beats = 0;
  for (const InstructionCycles& i : model.last_pass()) {
    const isa::Instruction& code = plan.instructions[i.index];
    if (i.opcode == isa::Opcode::kLinear) {
      const accel::MatrixLayout layout = {static_cast<isa::WeightFormat>(code.format), code.rows,
                                          code.blocks, g.lanes, code.has_bias == 1};
      EXPECT_EQ(i.beats, layout.stripes());
      EXPECT_EQ(i.busy, layout.stripes());  // a beat a cycle, dense ones too
    }
    if (i.opcode == isa::Opcode::kAttend) cache_beats += i.beats;
    EXPECT_GE(i.waited_inputs, 0);
    EXPECT_GE(i.waited_memory, 0);
    EXPECT_GE(i.end, i.begin);
  }
  // Per head: 66 chunks of keys and of values, a stripe each; one of records for four of keys.
  const int64_t head = 66 + 66 + (66 + 3) / 4;
  EXPECT_EQ(cache_beats, 2 * 32 * head);
}

TEST(CycleModel, NoPassIsFasterThanMemoryOrLanes) {
  const Plan plan = WidePlan();
  for (const int64_t n_tokens : {1, 2, 4}) {
    CycleModel model(plan.graph.geometry, plan.instructions, {});
    const int64_t cycles = model.Run(Registers(3000, n_tokens));
    int64_t beats = 0;
    int64_t busy = 0;
    for (const InstructionCycles& i : model.last_pass()) {
      beats += i.beats;
      busy += i.busy;
    }
    EXPECT_GE(cycles, busy);
    EXPECT_GE(cycles, beats * 100 / 93);  // refresh takes 6.7 % of a channel's time
    EXPECT_LE(cycles, 2 * busy);
  }
}

TEST(CycleModel, AnotherTokenCostsTimeAndLessThanAnotherPass) {
  const Plan plan = WidePlan();
  int64_t last = SteadyCycles(plan, 3000, 1);
  const int64_t one = last;
  for (int64_t n = 2; n <= 4; ++n) {
    const int64_t cycles = SteadyCycles(plan, 3000, n);
    EXPECT_GT(cycles, last);
    EXPECT_LT(cycles, n * one);
    last = cycles;
  }
}

// The promise of a window: a token costs the same for ever. Positions differ in where the ring is.
TEST(CycleModel, AWindowMakesTimeIndependentOfPosition) {
  const Plan plan = WidePlan();
  const auto expected = static_cast<double>(SteadyCycles(plan, 4000, 1));
  for (const int64_t position : {4001, 9999, 1'000'000, 1'000'000'000}) {
    EXPECT_NEAR(static_cast<double>(SteadyCycles(plan, position, 1)), expected, 0.005 * expected);
  }
}

TEST(CycleModel, FullAttentionGrowsWithPosition) {
  const Plan plan = WidePlan({0, AttentionWindow::kAll});
  const int64_t near = SteadyCycles(plan, 1000, 1);
  const int64_t far = SteadyCycles(plan, 9000, 1);
  // 8,000 tokens more: 9 beats for each 128 of them, head and layer.
  const int64_t beats = 8000 / 128 * 9 * 32 * 2;
  EXPECT_GT(far - near, beats * 2 / 3);
  EXPECT_LT(far - near, beats * 5 / 4);
}

TEST(CycleModel, SmallerBuffersAndSlowerUnitsCostTime) {
  const Plan plan = WidePlan();
  // A token a pass: nothing in the cache is taken twice, for which buffers would have to be larger.
  isa::Geometry single = plan.graph.geometry;
  single.slots = 1;
  const auto cycles = [&](const accel::MachineTiming& timing) {
    CycleModel model(single, plan.instructions, timing);
    const int64_t begin = model.Run(Registers(3000, 1));
    return model.Run(Registers(3001, 1)) - begin;
  };
  const accel::MachineTiming usual;
  accel::MachineTiming shallow = usual;
  // Less than a channel's latency.
  shallow.stream_beats = 24;
  shallow.read_burst_beats = 16;
  EXPECT_GT(cycles(shallow), cycles(usual) * 5 / 4);
  Plan narrow = plan;
  narrow.graph.geometry.vector_lanes = 4;
  EXPECT_GT(SteadyCycles(narrow, 3000, 1), SteadyCycles(plan, 3000, 1) * 5 / 4);
  accel::MachineTiming ideal = usual;
  ideal.hbm.t_refi = 0;
  EXPECT_LT(cycles(ideal), cycles(usual));
}

TEST(CycleModel, CachesMayBeLongerThanTheBuffer) {
  const Plan plan = WidePlan({4, AttentionWindow::kAll});
  EXPECT_GT(SteadyCycles(plan, 40000, 4), SteadyCycles(plan, 10000, 4) * 2);
}

// Estimates alone: twice and four times the beats, and more work for each.
TEST(CycleModel, WiderCachesCostBeatsAndTime) {
  const Plan plan = WidePlan();
  int64_t code_beats = 0;
  int64_t last_cycles = 0;
  for (const int64_t bits : {4, 8, 16}) {
    accel::MachineTiming timing;
    timing.cache_bits = bits;
    CycleModel model(plan.graph.geometry, plan.instructions, timing);
    const int64_t cycles = model.Run(Registers(5000, 1));
    EXPECT_GT(cycles, last_cycles);
    last_cycles = cycles;
    int64_t beats = 0;
    int64_t busy = 0;
    for (const InstructionCycles& i : model.last_pass()) {
      if (i.opcode != isa::Opcode::kAttend) continue;
      beats += i.beats;
      busy += i.busy;
    }
    const int64_t records = 2 * 32 * ((66 + 3) / 4);  // as many for all
    if (bits == 4) code_beats = beats - records;
    EXPECT_EQ(beats, records + bits / 4 * code_beats);
    EXPECT_EQ(busy, records + bits / 4 * (bits / 4) * code_beats);
  }
}

// Cycles from the start of a pass' first store to the end of its last one, of one layer.
int64_t StoreCycles(Plan plan, uint32_t head_units, int64_t n_tokens) {
  plan.graph.geometry.head_units = head_units;
  CycleModel model(plan.graph.geometry, plan.instructions, {});
  model.Run(Registers(5000, n_tokens));
  int64_t begin = -1;
  for (const InstructionCycles& i : model.last_pass()) {
    if (i.opcode == isa::Opcode::kStoreKv && begin < 0) begin = i.taken;
    if (i.opcode == isa::Opcode::kAttend) return i.taken - begin;
  }
  return 0;
}

// Two units share the 32 heads of each of four tokens.
TEST(CycleModel, HeadUnitsShareTheHeads) {
  const Plan plan = WidePlan();
  const int64_t one = StoreCycles(plan, 1, 4);
  const int64_t two = StoreCycles(plan, 2, 4);
  const int64_t four = StoreCycles(plan, 4, 4);
  // 36 cycles a head and token, of keys and of values.
  const int64_t busy = 2 * 4 * 32 * 36;
  EXPECT_GE(one, busy);
  EXPECT_LT(two, one - busy / 3);
  EXPECT_GE(two, busy / 2);
  EXPECT_LE(four, two + two / 100);  // the matrices beside the stores take as long
}

TEST(CycleModel, ABarrierKeepsInstructionsApart) {
  const Plan plan = WidePlan();
  accel::MachineTiming timing;
  timing.dsp_array = accel::DspArray{.macs_per_cycle = 8192};
  CycleModel overlapped(plan.graph.geometry, plan.instructions, timing);
  timing.barrier_cycles = 100;
  CycleModel model(plan.graph.geometry, plan.instructions, timing);
  const int64_t apart = model.Run(Registers(3000, 1));
  int64_t end = 0;
  for (const InstructionCycles& i : model.last_pass()) {
    if (i.opcode != isa::Opcode::kEnd) {
      EXPECT_GE(i.begin, end + 100);
    }
    end = i.end;
  }
  EXPECT_GT(apart, overlapped.Run(Registers(3000, 1)) + 100 * std::ssize(plan.instructions));
}

TEST(CycleDevice, CountsPassesAndGivesTheFunctionalLogits) {
  const ModelConfig config = testing::TinyPackedConfig();
  const testing::CompiledModel compiled(config, testing::AcceleratorPlan(config));
  const auto program = compiled.Compile({testing::TestTarget(4, 2), {4, 20}, 0});
  ASSERT_TRUE(program) << program.error().ToString();
  auto functional = accel::FunctionalDevice::Create(*program, 1);
  auto cycle = accel::CycleDevice::Create(*program, {}, 1);
  ASSERT_TRUE(functional && cycle);
  const accel::CycleModel& model = (*cycle)->model();
  accel::AcceleratedModel a(*program, std::move(*functional));
  accel::AcceleratedModel b(*program, std::move(*cycle));
  const std::vector<int32_t> tokens = testing::RandomTokens(40, config.vocab_size);
  std::vector<float> expected(40 * 61);
  std::vector<float> logits(40 * 61);
  ASSERT_TRUE(a.Append(tokens, 40, expected.data()));
  ASSERT_TRUE(b.Append(tokens, 40, logits.data()));
  EXPECT_EQ(logits, expected);
  EXPECT_EQ(a.device().cycles(), 0);
  EXPECT_GT(b.device().cycles(), 20 * 1000);
  const auto trace = nlohmann::json::parse(
      accel::ChromeTrace(model.last_pass(), program->instructions(), {225'000}));
  const auto n_streams = std::count_if(model.last_pass().begin(), model.last_pass().end(),
                                       [](const InstructionCycles& i) { return i.beats > 0; });
  EXPECT_EQ(trace["traceEvents"].size(), 3 + program->instructions().size() + n_streams);
  EXPECT_EQ(trace["otherData"]["clock_khz"], 225'000);

  auto target = testing::TestTarget(4, 2);
  target.memory = isa::Memory::kDdr4;
  const auto other = compiled.Compile({target, {4, 20}, 0});
  ASSERT_TRUE(other);
  const auto refused = accel::CycleDevice::Create(*other, {}, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

accel::AreaCosts BundledCosts() {
  const auto costs = accel::ParseAreaCosts(accel::DataText("area.toml"), "area.toml");
  EXPECT_TRUE(costs) << costs.error().ToString();
  return *costs;
}

TEST(AreaModel, CountsParts) {
  const accel::AreaCosts c = BundledCosts();
  const accel::FabricUse use = accel::SumOf(
      accel::AreaByHand({.lanes = 8, .slots = 3, .vector_lanes = 16, .vector_bytes = 40'000}, c));
  EXPECT_DOUBLE_EQ(use.luts, c.control.luts + 8 * (c.lane.luts + c.channel.luts) +
                                 24 * c.lane_slot.luts +
                                 16 * (c.vector_lane.luts + c.head_lane.luts) + 2 * c.weigher.luts);
  EXPECT_DOUBLE_EQ(use.urams, 2);
  EXPECT_DOUBLE_EQ(use.dsps,
                   c.control.dsps + 24 * 8 + 8 * 64 + 16 * (c.vector_lane.dsps + c.head_lane.dsps));
  const auto broken = accel::ParseAreaCosts("[lane]\nluts = 1\n", "mine.toml");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("mine.toml"), std::string::npos);
}

TEST(AreaModel, CostsGrowWithWhatIsCounted) {
  const accel::AreaCosts c = BundledCosts();
  const accel::MachineSize size = {.lanes = 8, .slots = 4, .vector_lanes = 16};
  std::vector<accel::AreaPart> parts = accel::AreaByHand(size, c);
  EXPECT_DOUBLE_EQ(accel::CostsOf(size, c, parts).lane.luts, c.lane.luts);
  for (accel::AreaPart& part : parts) {
    if (part.of == accel::MachinePart::kEngine) part.use.luts *= 3;
    if (part.of == accel::MachinePart::kHeads) part.use.dsps /= 2;
  }
  const accel::AreaCosts scaled = accel::CostsOf(size, c, parts);
  EXPECT_DOUBLE_EQ(scaled.lane.luts, 3 * c.lane.luts);
  EXPECT_DOUBLE_EQ(scaled.lane_slot.luts, 3 * c.lane_slot.luts);
  EXPECT_DOUBLE_EQ(scaled.lane_slot.dsps, c.lane_slot.dsps);
  EXPECT_DOUBLE_EQ(scaled.head_lane.dsps, c.head_lane.dsps / 2);
  EXPECT_DOUBLE_EQ(scaled.vector_lane.luts, c.vector_lane.luts);
}

TEST(Performance, CountsAreThoseOfTheBeats) {
  const Plan plan = WidePlan();
  accel::PerformanceModel model = {plan.graph.geometry, plan.instructions, {}, BundledCosts(), {}};
  model.used = accel::SumOf(accel::AreaByHand({32, 4, 32, 0}, model.area));
  const accel::PassEstimate one = model.Pass(3000, 1, 1);
  // Linear layers at 2 bits, lm_head at 4.25, the cache of 66 chunks at 4.6.
  const double linear = 2 * (4 * 4096.0 * 4096 + 3 * 4096.0 * 11008) * 2 / 8;
  const double head = 4096.0 * 4096 * 4.25 / 8;
  const double cache = 2 * 32 * 146 * 2048.0;
  EXPECT_NEAR(one.counts.hbm_read_bytes, linear + head + cache, 0.01 * linear);
  EXPECT_GT(one.hbm_utilisation, 0.8);
  EXPECT_LT(one.hbm_utilisation, 0.93);
  EXPECT_NEAR(one.busy + one.waited_inputs + one.waited_memory + one.waited_results, 1.0, 0.06);
  EXPECT_LE(one.counts.dsp_active_cycles,
            one.seconds * one.counts.clock_mhz * 1e6 * model.used.dsps);
  const accel::PassEstimate four = model.Pass(3000, 4, 4);
  EXPECT_GT(four.counts.dsp_active_cycles, one.counts.dsp_active_cycles);
  const double prefill = model.PrefillSeconds(1024, 3, [](double) {});
  EXPECT_LT(prefill, 256 * four.seconds);
  EXPECT_GT(prefill, 256 * four.seconds / 2);
}

}  // namespace
}  // namespace accllm
