// Writes the seeds of fuzz_program: programs of models that are as small as can be.
// usage: program_seeds FOLDER
#include <cstdio>
#include <filesystem>

#include "compiler/testing/compiled_model.h"

namespace accllm {
namespace {

ModelConfig SmallConfig() {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.hidden_size = 8;
  config.intermediate_size = 16;
  config.n_layers = 1;
  config.n_heads = 2;
  config.n_kv_heads = 1;
  config.head_dim = 4;
  config.vocab_size = 8;
  config.max_position_embeddings = 32;
  return config;
}

// All matrices of the layers in the smallest type.
std::vector<TensorPlan> SparsePlan(const ModelConfig& config) {
  std::vector<TensorPlan> plan = testing::AcceleratorPlan(config);
  for (TensorPlan& tensor : plan) {
    if (tensor.name.starts_with("layers.") && tensor.type != format::TensorType::kF32) {
      tensor.type = format::TensorType::kW2S24;
    }
  }
  return plan;
}

Status Write(const std::string& path, const ModelConfig& config,
             const std::vector<TensorPlan>& plan, const compiler::CompileOptions& options) {
  const testing::CompiledModel model(config, plan);
  ACCLLM_RETURN_IF_ERROR(model.Compile(options));
  std::filesystem::copy_file(model.program_path(), path,
                             std::filesystem::copy_options::overwrite_existing);
  return {};
}

Status WriteAll(const std::string& folder) {
  ModelConfig config = SmallConfig();
  config.tie_word_embeddings = true;
  ACCLLM_RETURN_IF_ERROR(Write(folder + "/window.accp", config, SparsePlan(config),
                               {testing::TestTarget(1, 3), {4, 20}, 0}));
  // All formats, and every second operand.
  config = SmallConfig();
  config.architecture = "Qwen3ForCausalLM";
  config.n_layers = 2;
  config.has_qk_norm = config.has_qkv_bias = config.has_o_bias = true;
  ACCLLM_RETURN_IF_ERROR(Write(folder + "/formats.accp", config, testing::AcceleratorPlan(config),
                               {testing::TestTarget(1, 1), {0, 7}, 0}));
  // Two blocks of columns.
  config = SmallConfig();
  config.tie_word_embeddings = true;
  config.hidden_size = 264;
  ACCLLM_RETURN_IF_ERROR(Write(folder + "/wide.accp", config, SparsePlan(config),
                               {testing::TestTarget(1, 1), {0, 7}, 0}));
  // Lanes, full attention, and heads that fill a beat.
  config = SmallConfig();
  config.tie_word_embeddings = true;
  config.n_heads = 1;
  config.head_dim = 66;
  compiler::Target target = testing::TestTarget(2, 2);
  target.memory = isa::Memory::kDdr4;
  return Write(folder + "/full.accp", config, SparsePlan(config),
               {target, {4, AttentionWindow::kAll}, 32});
}

}  // namespace
}  // namespace accllm

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: program_seeds FOLDER\n", stderr);
    return 2;
  }
  const accllm::Status status = accllm::WriteAll(argv[1]);
  if (!status) std::fprintf(stderr, "program_seeds: %s\n", status.error().ToString().c_str());
  return status ? 0 : 1;
}
