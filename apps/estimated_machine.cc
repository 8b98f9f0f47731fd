#include "estimated_machine.h"

#include <algorithm>

#include "accel/data.h"
#include "accel/timing/hbm_channel.h"
#include "compress/synth.h"
#include "packed/packed_file.h"
#include "shape_model.h"

namespace accllm::cli {
namespace {

// Products of a beat with one token, in each lane.
constexpr double kBeatProducts = 128;
// Bytes a second: 256 bits at 450 MHz.
constexpr double kChannelPeak = 14.4e9;

// "layers.7.self_attn.q_proj" is one of many "self_attn.q_proj".
std::string KindOf(const compiler::Operation& operation) {
  if (operation.layer < 0) return operation.name;
  return operation.name.substr(fmt::format("layers.{}.", operation.layer).size());
}

}  // namespace

void ShapeFlags::Declare(OptionTable& table) {
  table.Positional("MODEL", file, "Packed file (.acc); or give --shape").Optional();
  const std::vector<std::string_view> shapes = SynthShapeNames();
  table.OneOf(
      table.Value("--shape", "NAME", shape, "A known shape instead of a file: {}").NoDefault(),
      {shapes.begin(), shapes.end()});
}

Result<compiler::ModelTensors> ShapeFlags::Read(const std::string& linear) const {
  if (file.empty() == shape.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "there must be one of MODEL and --shape",
                "give a packed file, or --shape llama-2-7b");
  }
  if (!shape.empty()) return TensorsOfShape(shape, linear.empty() ? "w2-2:4" : linear);
  if (!linear.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--linear changes the matrices of a --shape only",
                "leave it out, or compress the model with --keep-dense");
  }
  ACCLLM_ASSIGN_OR_RETURN(const PackedFile packed, PackedFile::Open(file));
  return compiler::TensorsOf(packed);
}

Result<MachineCosts> MachineCosts::Bundled() {
  MachineCosts costs;
  ACCLLM_ASSIGN_OR_RETURN(costs.area,
                          accel::ParseAreaCosts(accel::DataText("area.toml"), "area.toml"));
  ACCLLM_ASSIGN_OR_RETURN(costs.counted, accel::CountedArea::Parse(
                                             accel::DataText("blocks.toml"), "blocks.toml",
                                             accel::DataText("synthesis.toml"), "synthesis.toml"));
  ACCLLM_ASSIGN_OR_RETURN(
      costs.energy, accel::ParseEnergyCoefficients(accel::DataText("energy.toml"), "energy.toml"));
  return costs;
}

Result<EstimatedMachine> EstimatedMachine::Make(compiler::ModelTensors model,
                                                compiler::CompileOptions options,
                                                const MachineCosts& costs) {
  if (options.target.memory != isa::Memory::kHbm2) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("target {}: the cycle model knows HBM2 only", options.target.name),
                "choose a target with memory = \"hbm2\"");
  }
  EstimatedMachine machine;
  machine.model = std::move(model);
  machine.options = std::move(options);
  ACCLLM_ASSIGN_OR_RETURN(machine.plan,
                          compiler::PlanProgram(machine.model, machine.options, nullptr));
  const compiler::Graph& graph = machine.plan.graph;
  accel::PerformanceModel& performance = machine.performance;
  performance.geometry = graph.geometry;
  performance.instructions = machine.plan.instructions;
  performance.timing.cache_bits = machine.options.cache_bits;
  const compiler::Target& target = machine.options.target;
  machine.size = {target.lanes, target.slots, target.vector_lanes, target.head_units,
                  compiler::VectorBytes(graph, target.slots)};
  machine.area_parts = accel::AreaOf(machine.size, costs.area, costs.counted);
  machine.area = accel::SumOf(machine.area_parts);
  performance.used = machine.area;
  performance.area = accel::CostsOf(machine.size, costs.area, machine.area_parts);
  return machine;
}

double EstimatedMachine::Products(int64_t position, int64_t n_tokens, int64_t n_outputs) const {
  const isa::Geometry& g = plan.graph.geometry;
  double visible = 0;  // tokens that all tokens see together
  for (int64_t t = position; t < position + n_tokens; ++t) {
    const int64_t seen = int64_t{g.sinks} + g.window;
    visible += static_cast<double>(g.window == 0 ? t + 1 : std::min(t + 1, seen));
  }
  double products = 0;
  for (const compiler::Operation& op : plan.graph.operations) {
    if (op.op == compiler::Op::kAttend) {
      products += 2.0 * g.heads * g.head_dim * visible;
    }
    if (op.op != compiler::Op::kLinear) continue;
    const compiler::ModelTensor* tensor = model.Find(op.tensor);
    const double kept = tensor->type == format::TensorType::kW2S24 ? 0.5 : 1;
    const int64_t tokens = op.epilogue == isa::Epilogue::kOutput ? n_outputs : n_tokens;
    products += kept * static_cast<double>(tensor->rows * tensor->cols * tokens);
  }
  return products;
}

double EstimatedMachine::CountedShare() const {
  double luts = 0;
  for (const accel::AreaPart& part : area_parts) {
    if (part.basis == accel::AreaBasis::kSynthesis) luts += part.use.luts;
  }
  return luts / area.luts;
}

double EstimatedMachine::PeakProducts(int64_t n_tokens) const {
  const isa::Geometry& g = plan.graph.geometry;
  return kBeatProducts * g.lanes * static_cast<double>(n_tokens) * g.clock_khz * 1e3;
}

double EstimatedMachine::PeakBytes() const { return plan.graph.geometry.lanes * kChannelPeak; }

double EstimatedMachine::SequentialBytes() const {
  constexpr int64_t kBeats = 1 << 17;
  accel::HbmChannel channel(performance.timing.hbm);
  accel::Picoseconds end = 0;
  for (int64_t beat = 0; beat < kBeats; ++beat) end = channel.Read(0, beat);
  return plan.graph.geometry.lanes * static_cast<double>(kBeats * isa::kBeatBytes) /
         (static_cast<double>(end) / 1e12);
}

std::string AreaBasisText(double counted_share) {
  if (counted_share == 0) return "by hand";
  if (counted_share == 1) return "counted by synthesis";
  return fmt::format("{:.0f} % of the LUTs counted by synthesis, the rest by hand",
                     100 * counted_share);
}

Result<std::optional<accel::FpgaPart>> PartOf(const compiler::Target& target) {
  if (target.part.empty()) return std::nullopt;
  return accel::ParseFpgaPart(accel::DataText("parts.toml"), "parts.toml", target.part);
}

std::vector<LaneTime> LaneTimes(const EstimatedMachine& machine, const accel::PassEstimate& pass) {
  const int64_t beat_bytes = machine.options.target.lanes * isa::kBeatBytes;
  std::vector<LaneTime> times;
  for (const accel::InstructionCycles& i : pass.instructions) {
    if (i.beats == 0) continue;
    const std::string kind = KindOf(machine.plan.graph.operations[i.index]);
    auto time =
        std::find_if(times.begin(), times.end(), [&](const LaneTime& t) { return t.name == kind; });
    if (time == times.end()) time = times.insert(times.end(), {kind});
    time->busy += i.busy;
    time->waited_inputs += i.waited_inputs;
    time->waited_memory += i.waited_memory;
    time->waited_results += i.waited_results;
    time->bytes += i.beats * beat_bytes;
  }
  return times;
}

}  // namespace accllm::cli
