#include "base/tensor_names.h"
#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

// Builds the operations of a model in the order of the reference.
class Lowering {
 public:
  explicit Lowering(const ModelConfig& config) : config_(config) {}

  Graph Run() {
    int x = Emit({Op::kEmbed,
                  "embed",
                  -1,
                  {},
                  New("x", config_.hidden_size),
                  std::string(kEmbedTokensName)});
    for (int64_t layer = 0; layer < config_.n_layers; ++layer) x = Block(layer, x);
    const int normed = Norm("final_norm", -1, x, std::string(kFinalNormName));
    const bool is_tied = config_.tie_word_embeddings;
    Emit({Op::kLinear,
          "lm_head",
          -1,
          {normed},
          -1,
          std::string(is_tied ? kEmbedTokensName : kLmHeadName),
          "",
          isa::Epilogue::kOutput});
    return std::move(graph_);
  }

 private:
  int New(std::string name, int64_t size, bool is_codes = false) {
    graph_.values.push_back({std::move(name), size, is_codes, {}});
    return static_cast<int>(graph_.values.size()) - 1;
  }

  // Returns the operation's output.
  int Emit(Operation operation) {
    graph_.operations.push_back(std::move(operation));
    return graph_.operations.back().output;
  }

  int Norm(std::string name, int64_t layer, int x, std::string weight) {
    const int out = New(name, config_.hidden_size, true);
    return Emit({Op::kNorm, std::move(name), layer, {x}, out, std::move(weight)});
  }

  int Quantize(std::string name, int64_t layer, int x) {
    const int out = New(name, graph_.values[static_cast<size_t>(x)].size, true);
    return Emit({Op::kQuantize, std::move(name), layer, {x}, out});
  }

  int Linear(int64_t layer, LinearKind kind, int x) {
    const std::string name = LayerTensorName(layer, kind);
    const int out = New(name, ShapeOfLinear(config_, kind).rows);
    return Emit({Op::kLinear, name, layer, {x}, out, name, OfLayer(layer, BiasOf(kind))});
  }

  // The name of a vector of a layer; empty where there is none.
  std::string OfLayer(int64_t layer, VectorKind kind) const {
    return SizeOfVector(config_, kind) == 0 ? "" : LayerTensorName(layer, kind);
  }

  int Block(int64_t layer, int x) {
    const auto named = [&](std::string_view part) { return LayerTensorName(layer, part); };
    const int normed =
        Norm(named("attention_in"), layer, x, OfLayer(layer, VectorKind::kInputLayernorm));
    const int q = Linear(layer, LinearKind::kQ, normed);
    const int k = Linear(layer, LinearKind::kK, normed);
    const int v = Linear(layer, LinearKind::kV, normed);
    Emit({Op::kStoreKeys, named("store_k"), layer, {k}, -1, OfLayer(layer, VectorKind::kKNorm)});
    Emit({Op::kStoreValues, named("store_v"), layer, {v}, -1, {}});
    const int mixed = Emit({Op::kAttend,
                            named("attend"),
                            layer,
                            {q},
                            New(named("mixed"), config_.q_size()),
                            OfLayer(layer, VectorKind::kQNorm)});
    const int o = Linear(layer, LinearKind::kO, Quantize(named("attention_out"), layer, mixed));
    const int middle =
        Emit({Op::kAdd, named("middle"), layer, {x, o}, New(named("middle"), config_.hidden_size)});
    const int mlp_in =
        Norm(named("mlp_in"), layer, middle, OfLayer(layer, VectorKind::kPostAttentionLayernorm));
    const int gate = Linear(layer, LinearKind::kGate, mlp_in);
    const int up = Linear(layer, LinearKind::kUp, mlp_in);
    const int gated = Emit({Op::kSiluMul,
                            named("gated"),
                            layer,
                            {gate, up},
                            New(named("gated"), config_.intermediate_size)});
    const int down = Linear(layer, LinearKind::kDown, Quantize(named("mlp_out"), layer, gated));
    return Emit(
        {Op::kAdd, named("x"), layer, {middle, down}, New(named("x"), config_.hidden_size)});
  }

  const ModelConfig& config_;
  Graph graph_;
};

}  // namespace

Error BrokenPass(std::string_view pass, const std::string& what) {
  return {ErrorCode::kCorrupt, fmt::format("pass {}: {}", pass, what),
          "this is a mistake of the compiler; please report it with the model's config.json"};
}

Result<Graph> Lower(const ModelTensors& model) {
  ACCLLM_RETURN_IF_ERROR(CheckRunnable(model));
  return Lowering(model.config).Run();
}

}  // namespace accllm::compiler
