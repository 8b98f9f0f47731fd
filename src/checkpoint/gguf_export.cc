#include "checkpoint/gguf_export.h"

#include <span>
#include <utility>
#include <vector>

#include "base/tensor_names.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/gguf_writer.h"
#include "checkpoint/rope_rows.h"

namespace accllm {
namespace {

struct PlannedTensor {
  std::string canonical;
  std::vector<int64_t> shape;
  bool is_rotated = false;  // its rows change their order
};

bool IsRotated(LinearKind kind) { return kind == LinearKind::kQ || kind == LinearKind::kK; }

std::vector<PlannedTensor> TensorsOf(const ModelConfig& config) {
  const bool interleaves = InterleavesRopeRows(config);
  std::vector<PlannedTensor> tensors = {
      {std::string(kEmbedTokensName), {config.vocab_size, config.hidden_size}}};
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const VectorKind kind : kVectorKinds) {
      const int64_t size = SizeOfVector(config, kind);
      if (size == 0) continue;
      const bool is_rotated = kind == BiasOf(LinearKind::kQ) || kind == BiasOf(LinearKind::kK);
      tensors.push_back({LayerTensorName(layer, kind), {size}, interleaves && is_rotated});
    }
    for (const LinearKind kind : kLinearKinds) {
      const LinearShape shape = ShapeOfLinear(config, kind);
      tensors.push_back(
          {LayerTensorName(layer, kind), {shape.rows, shape.cols}, interleaves && IsRotated(kind)});
    }
  }
  tensors.push_back({std::string(kFinalNormName), {config.hidden_size}});
  if (!config.tie_word_embeddings) {
    tensors.push_back({std::string(kLmHeadName), {config.vocab_size, config.hidden_size}});
  }
  return tensors;
}

std::vector<float> RopeFactors(const ModelConfig& config) {
  if (!NeedsRopeFactorsTensor(config)) return {};
  return {config.rope_factors.begin(), config.rope_factors.end()};
}

std::vector<GgufTensorPlan> PlanOf(std::span<const PlannedTensor> tensors,
                                   std::span<const float> rope_factors) {
  std::vector<GgufTensorPlan> plan;
  if (!rope_factors.empty()) {
    plan.push_back({std::string(kGgufRopeFactorsName),
                    GgmlType::kF32,
                    {static_cast<int64_t>(rope_factors.size())}});
  }
  for (const PlannedTensor& tensor : tensors) {
    plan.push_back({GgufTensorName(tensor.canonical),
                    tensor.shape.size() == 1 ? GgmlType::kF32 : GgmlType::kF16, tensor.shape});
  }
  return plan;
}

Result<std::vector<float>> ReadInFileOrder(const Checkpoint& checkpoint,
                                           const PlannedTensor& tensor) {
  auto values = checkpoint.ReadTensor(tensor.canonical, tensor.shape);
  if (!values || !tensor.is_rotated) return values;
  const int64_t n_cols = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
  return InterleaveRopeRows(*values, checkpoint.config().head_dim, n_cols);
}

Result<GgufMetadataWriter> MetadataOf(const Checkpoint& checkpoint, const std::string& name,
                                      ExportReport* report) {
  const ModelConfig& config = checkpoint.config();
  GgufMetadataWriter metadata;
  ACCLLM_RETURN_IF_ERROR(AddGgufConfig(config, name, &metadata));
  ACCLLM_ASSIGN_OR_RETURN(const CheckpointTokenizer tokenizer, checkpoint.ReadTokenizer());
  const GgufSpecialTokens special = {config.bos_token_id, config.eos_token_ids};
  ACCLLM_RETURN_IF_ERROR(AddGgufTokenizer(tokenizer, special, config.vocab_size, &metadata));
  report->has_tokenizer = !tokenizer.bytes.empty();
  return metadata;
}

}  // namespace

Result<ExportReport> ExportGguf(const Checkpoint& checkpoint, const std::string& output,
                                const std::string& name, const ExportProgress& progress) {
  ExportReport report;
  ACCLLM_ASSIGN_OR_RETURN(const GgufMetadataWriter metadata, MetadataOf(checkpoint, name, &report));
  const std::vector<PlannedTensor> tensors = TensorsOf(checkpoint.config());
  const std::vector<float> rope_factors = RopeFactors(checkpoint.config());
  ACCLLM_ASSIGN_OR_RETURN(GgufWriter writer,
                          GgufWriter::Create(output, metadata, PlanOf(tensors, rope_factors)));
  report.n_tensors = std::ssize(writer.tensors());
  for (const GgufTensorPlan& tensor : writer.tensors()) report.n_parameters += tensor.n_elements();
  int64_t n_done = 0;
  if (!rope_factors.empty()) {
    ACCLLM_RETURN_IF_ERROR(writer.WriteTensor(rope_factors));
    n_done += std::ssize(rope_factors);
  }
  for (const PlannedTensor& tensor : tensors) {
    const double share = static_cast<double>(n_done) / static_cast<double>(report.n_parameters);
    if (!progress(share, tensor.canonical)) {
      return Fail(ErrorCode::kInterrupted, fmt::format("{}: stopped", output));
    }
    ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> values, ReadInFileOrder(checkpoint, tensor));
    ACCLLM_RETURN_IF_ERROR(writer.WriteTensor(values));
    n_done += std::ssize(values);
  }
  ACCLLM_RETURN_IF_ERROR(writer.Finish());
  return report;
}

}  // namespace accllm
