#include "compress/distill_model.h"

#include <algorithm>
#include <cstring>

#include "base/index.h"
#include "compress/descent.h"
#include "tune/distiller.h"

namespace accllm {
namespace {

// With levels that move along, scales need not go far; alone they may.
constexpr tune::LearningRates kModelRates = {
    .levels = 2.5e-2F, .tables = 5e-3F, .scales = 2e-3F, .norms = 2e-3F, .head = 1.5e-2F};
constexpr tune::LearningRates kScaleRates = {.scales = 8e-3F, .norms = 8e-3F, .head = 1.5e-2F};

// A tensor of the file as values, and as a quantised matrix where it is one.
struct LoadedTensor {
  std::vector<float> values;
  std::optional<QuantizedMatrix> matrix;
};

class Loader {
 public:
  Loader(const DistillTask& task, const PackedWriter& writer) : task_(task), writer_(writer) {}

  Result<LoadedTensor> Load(std::string_view name) const {
    const TensorPlan* plan = PlanOf(name);
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, writer_.ReadTensor(plan->name));
    LoadedTensor tensor;
    if (IsBlockType(plan->type)) {
      ACCLLM_ASSIGN_OR_RETURN(tensor.matrix,
                              UnpackMatrix(plan->type, plan->rows, plan->cols, bytes));
      tensor.values = Dequantize(*tensor.matrix);
    } else if (plan->type == format::TensorType::kF16) {
      tensor.values = FromHalves(bytes);
    } else {
      tensor.values.resize(bytes.size() / sizeof(float));
      std::memcpy(tensor.values.data(), bytes.data(), bytes.size());
    }
    return tensor;
  }

  Result<CompressedLayer> LoadLayer(int64_t index) const {
    CompressedLayer layer;
    for (const VectorKind kind : kVectorKinds) {
      if (SizeOfVector(task_.checkpoint.config(), kind) == 0) continue;
      ACCLLM_ASSIGN_OR_RETURN(LoadedTensor tensor, Load(LayerTensorName(index, kind)));
      layer.values.vector(kind) = std::move(tensor.values);
    }
    for (const LinearKind kind : kLinearKinds) {
      const std::string name = LayerTensorName(index, kind);
      ACCLLM_ASSIGN_OR_RETURN(LoadedTensor tensor, Load(name));
      layer.values.linear(kind) = std::move(tensor.values);
      layer.matrices[static_cast<size_t>(kind)] = std::move(tensor.matrix);
      ACCLLM_ASSIGN_OR_RETURN(layer.low_ranks[static_cast<size_t>(kind)], LoadLowRank(name));
      layer.reports.push_back(
          *std::find_if(task_.reports.begin(), task_.reports.end(),
                        [&](const LinearReport& report) { return report.name == name; }));
    }
    return layer;
  }

 private:
  const TensorPlan* PlanOf(std::string_view name) const {
    const auto plan = std::find_if(task_.plan.begin(), task_.plan.end(),
                                   [&](const TensorPlan& tensor) { return tensor.name == name; });
    return plan == task_.plan.end() ? nullptr : &*plan;
  }

  Result<std::optional<LowRank>> LoadLowRank(std::string_view linear) const {
    const TensorPlan* a = PlanOf(LowRankNameA(linear));
    const TensorPlan* b = PlanOf(LowRankNameB(linear));
    if (a == nullptr || b == nullptr) return std::nullopt;
    LowRank low_rank;
    for (const auto& [half, plan] : {std::pair{&low_rank.a, a}, {&low_rank.b, b}}) {
      ACCLLM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, writer_.ReadTensor(plan->name));
      ACCLLM_ASSIGN_OR_RETURN(*half, UnpackInt8(plan->rows, plan->cols, bytes));
    }
    return low_rank;
  }

  const DistillTask& task_;
  const PackedWriter& writer_;
};

// The text cut into sequences.
class Text {
 public:
  explicit Text(const DistillTask& task) : task_(task) {}

  int64_t n_sequences() const { return std::ssize(task_.text) / task_.sequence_tokens; }

  std::vector<std::span<const int32_t>> Batch(int64_t step, int64_t n) const {
    std::vector<std::span<const int32_t>> batch;
    for (const int64_t i : tune::BatchOf(step, n, n_sequences())) {
      batch.push_back(task_.text.subspan(static_cast<size_t>(i * task_.sequence_tokens),
                                         static_cast<size_t>(task_.sequence_tokens)));
    }
    return batch;
  }

 private:
  const DistillTask& task_;
};

// The model in the file, as parameters.
Result<tune::Student> LoadStudent(const DistillTask& task, const Loader& loader, ThreadPool& pool) {
  const ModelConfig& config = task.checkpoint.config();
  tune::Student student;
  ACCLLM_ASSIGN_OR_RETURN(LoadedTensor embedding, loader.Load(kEmbedTokensName));
  student.embedding = std::move(embedding.values);
  if (!config.tie_word_embeddings) {
    ACCLLM_ASSIGN_OR_RETURN(LoadedTensor lm_head, loader.Load(kLmHeadName));
    student.lm_head = std::move(lm_head.values);
  }
  ACCLLM_ASSIGN_OR_RETURN(LoadedTensor norm, loader.Load(kFinalNormName));
  student.final_norm = std::move(norm.values);
  for (int64_t i = 0; i < config.n_layers; ++i) {
    ACCLLM_ASSIGN_OR_RETURN(const CompressedLayer layer, loader.LoadLayer(i));
    student.blocks.push_back(MakeTrainable(layer, task.trained, pool));
    student.blocks.back().Close();
  }
  return student;
}

}  // namespace

Result<DistilledModel> DistillModel(const DistillTask& task, const PackedWriter& writer,
                                    ThreadPool& pool, const StepCallback& after_step,
                                    const TakeLayer& take) {
  ACCLLM_ASSIGN_OR_RETURN(const auto teacher, reference::WeightsOf(task.checkpoint));
  const Loader loader(task, writer);
  ACCLLM_ASSIGN_OR_RETURN(tune::Student student, LoadStudent(task, loader, pool));
  const bool trains_levels = task.trained == tune::Trained::kAll;
  const tune::TuneOptions options = MakeTuneOptions(task.settings, task.sequence_tokens,
                                                    trains_levels ? kModelRates : kScaleRates);
  tune::Distiller distiller(*teacher, student, task.sequence_tokens, options, pool);
  const Text text(task);
  const auto step = [&] {
    return distiller.Step(text.Batch(distiller.step() + 1, options.batch_sequences));
  };
  ACCLLM_RETURN_IF_ERROR(
      Descend({options.n_steps, task.state_path, "distilling"}, distiller, step, after_step));
  for (int64_t i = 0; i < std::ssize(student.blocks); ++i) {
    ACCLLM_ASSIGN_OR_RETURN(CompressedLayer layer, loader.LoadLayer(i));
    tune::TrainableBlock& block = student.blocks[Index(i)];
    block.Open(pool);
    TakeTrained(block, layer);
    block.Close();
    ACCLLM_RETURN_IF_ERROR(take(i, layer));
  }
  return DistilledModel{std::move(student.final_norm), std::move(student.head()),
                        ReportOf(distiller.losses())};
}

}  // namespace accllm
