// Published machines on the cycle model: how far from what was measured they land.
#include "accel/estimate/baseline_performance.h"

#include <gtest/gtest.h>

#include <string>

#include "accel/data.h"
#include "accel/energy/energy_model.h"
#include "compiler/compile.h"
#include "compiler/testing/compiled_model.h"

namespace accllm {
namespace {

using accel::Baseline;
using accel::BaselineToken;

// Llama-2-7B with one of its 32 layers: tests are quick, and the others differ in nothing.
constexpr int64_t kLayers = 32;

ModelConfig OneLayer() {
  ModelConfig c = testing::TinyPackedConfig();
  c.n_layers = 1;
  c.hidden_size = 4096;
  c.intermediate_size = 11008;
  c.n_heads = c.n_kv_heads = 32;
  c.head_dim = 128;
  c.vocab_size = 32000;
  return c;
}

compiler::ModelTensors Tensors(const ModelConfig& config) {
  compiler::ModelTensors model = {"shape", config, {}};
  for (const TensorPlan& tensor : testing::TinyPlan(config)) {
    const bool is_matrix = IsBlockType(tensor.type) || tensor.type == format::TensorType::kF16;
    model.tensors.push_back(
        {tensor.name, is_matrix ? format::TensorType::kW4 : tensor.type, tensor.rows, tensor.cols});
  }
  return model;
}

Baseline Bundled(const std::string& name) {
  const std::string path = "baselines/" + name + ".toml";
  auto baseline = accel::ParseBaseline(accel::DataText(path), path);
  EXPECT_TRUE(baseline) << baseline.error().ToString();
  return *baseline;
}

class Model {
 public:
  explicit Model(Baseline baseline) : baseline_(std::move(baseline)) {
    compiler::CompileOptions options = {*compiler::LoadTarget("u280"), baseline_.machine->attention,
                                        4096};
    options.target.slots = 1;
    options.target.clock_mhz = baseline_.clock_mhz;
    one_ = *compiler::PlanProgram(Tensors(OneLayer()), options, nullptr);
    ModelConfig two = OneLayer();
    two.n_layers = 2;
    two_ = *compiler::PlanProgram(Tensors(two), options, nullptr);
  }

  // Of all layers: what the second one adds is added for the others too.
  BaselineToken At(int64_t cached_tokens) const {
    const BaselineToken one = Run(one_, cached_tokens);
    const BaselineToken two = Run(two_, cached_tokens);
    BaselineToken all = one;
    for (const auto part :
         {&BaselineToken::seconds, &BaselineToken::read_bytes, &BaselineToken::written_bytes}) {
      all.*part += (kLayers - 1) * (two.*part - one.*part);
    }
    return all;
  }

  const Baseline& baseline() const { return baseline_; }

 private:
  BaselineToken Run(const compiler::Plan& plan, int64_t cached_tokens) const {
    return accel::ModelToken(baseline_, plan.graph.geometry, plan.instructions, cached_tokens - 1);
  }

  Baseline baseline_;
  compiler::Plan one_;
  compiler::Plan two_;
};

accel::EnergyReport EnergyOf(const Baseline& baseline, const BaselineToken& token) {
  const auto coefficients =
      accel::ParseEnergyCoefficients(accel::DataText("energy.toml"), "energy.toml");
  EXPECT_TRUE(coefficients);
  const auto energy = accel::EstimateEnergy(accel::CountsPerToken(baseline, token), 1,
                                            baseline.scope, *coefficients);
  EXPECT_TRUE(energy) << energy.error().ToString();
  return *energy;
}

TEST(BaselinePerformance, FlightLlmIsWithinTenPercentOfEveryMeasurement) {
  const Model model(Bundled("flightllm"));
  const Baseline& baseline = model.baseline();
  const BaselineToken published = model.At(320);
  EXPECT_NEAR(1 / published.seconds, baseline.tokens_per_s, 0.1 * baseline.tokens_per_s);
  ASSERT_EQ(baseline.machine->checks.size(), 2U);
  for (const accel::BaselineCheck& check : baseline.machine->checks) {
    EXPECT_NEAR(1 / model.At(check.cached_tokens).seconds, check.tokens_per_s,
                0.1 * check.tokens_per_s);
  }
  // Weights of 3.43 GB, cache of 84 MB.
  EXPECT_NEAR(published.read_bytes, 3.43e9 + 0.084e9, 0.01 * 3.43e9);
  EXPECT_DOUBLE_EQ(published.cached_tokens, 320);
  const accel::EnergyReport energy = EnergyOf(baseline, published);
  EXPECT_NEAR(energy.watts.nominal, baseline.watts, 0.1 * baseline.watts);
  EXPECT_NEAR(energy.tokens_per_joule.nominal, baseline.tokens_per_joule,
              0.1 * baseline.tokens_per_joule);
}

TEST(BaselinePerformance, AccLlmIsWithinFifteenPercent) {
  const Model model(Bundled("accllm_paper"));
  const Baseline& baseline = model.baseline();
  const BaselineToken token = model.At(2048);
  EXPECT_NEAR(1 / token.seconds, baseline.tokens_per_s, 0.15 * baseline.tokens_per_s);
  EXPECT_NEAR(EnergyOf(baseline, token).watts.nominal, baseline.watts, 0.15 * baseline.watts);
  // The window ends what is read.
  EXPECT_DOUBLE_EQ(model.At(4000).cached_tokens, 2048);
}

// Each part of the description bears on the result.
TEST(BaselinePerformance, WorseMachinesAreSlower) {
  const Baseline usual = Bundled("flightllm");
  const double seconds = Model(usual).At(512).seconds;
  const auto slower = [&](const char* what, const auto& change) {
    Baseline worse = usual;
    change(*worse.machine);
    EXPECT_GT(Model(worse).At(512).seconds, seconds) << what;
  };
  slower("bursts", [](accel::BaselineMachine& m) { m.timing.bursts_in_flight = 2; });
  slower("barrier", [](accel::BaselineMachine& m) { *m.timing.barrier_cycles *= 2; });
  slower("special functions", [](accel::BaselineMachine& m) { m.engine.vector_lanes = 8; });
  slower("DSPs", [](accel::BaselineMachine& m) { m.engine.macs_per_cycle /= 4; });
  slower("bits", [](accel::BaselineMachine& m) { m.engine.weight_bits *= 1.1; });
  slower("cache", [](accel::BaselineMachine& m) { m.engine.cached_bits = 16; });
}

TEST(BaselinePerformance, SaysWhatItsMemoryHolds) {
  const Baseline baseline = Bundled("flightllm");
  const double held = accel::BytesHeld(baseline, 2047);
  EXPECT_NEAR(held, 3.43e9 + 2048.0 * 262'144, 0.01e9);
  EXPECT_GT(accel::BytesHeld(baseline, 1'000'000),
            static_cast<double>(baseline.machine->memory_bytes));
  const Baseline window = Bundled("accllm_paper");
  EXPECT_DOUBLE_EQ(accel::BytesHeld(window, 1'000'000), accel::BytesHeld(window, 5000));
}

}  // namespace
}  // namespace accllm
