#include "compress/synth_gguf.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/fp16.h"
#include "base/split_mix64.h"
#include "base/tensor_names.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/gguf_writer.h"
#include "compress/synth_plan.h"

namespace accllm {
namespace {

// A type whose blocks hold codes, of which every value is valid, and binary16 scales.
struct CodedType {
  std::string_view name;
  int64_t scale_offset;  // of the block's scale
  double deviation;      // of random weights with the scale 1, about
  // Of the scale of what is subtracted (Q2_K), and its ratio to the other that makes the mean 0.
  int64_t minimum_offset = -1;
  double minimum_ratio = 0;
};

// -1, 0, 1 | -1, 0, 1, 2 | (1/2 + s) / 4 of s < 16 times +-8, 25 or 43 | scale * code - minimum,
// both below 16 and codes below 4 | code - 8.
constexpr std::array kTypes = {
    CodedType{"TQ1_0", 52, 0.82},         CodedType{"TQ2_0", 64, 1.22}, CodedType{"IQ2_XXS", 0, 46},
    CodedType{"Q2_K", 80, 13.9, 82, 1.5}, CodedType{"Q4_0", 0, 4.6},
};

void PutHalf(uint8_t* to, double value) {
  const uint16_t half = FloatToHalf(static_cast<float>(value));
  std::memcpy(to, &half, sizeof(half));
}

std::vector<uint8_t> RandomBlocks(const CodedType& type, const GgufTensorPlan& plan,
                                  double deviation, uint64_t& state) {
  const auto block_bytes = static_cast<size_t>(FindGgmlType(type.name)->block_bytes);
  std::vector<uint8_t> bytes(static_cast<size_t>(plan.n_bytes()));
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
    const uint64_t word = SplitMix64(state);
    std::memcpy(&bytes[at], &word, std::min(sizeof(word), bytes.size() - at));
  }
  const double scale = deviation / type.deviation;
  for (size_t at = 0; at < bytes.size(); at += block_bytes) {
    PutHalf(&bytes[at] + type.scale_offset, scale);
    if (type.minimum_offset >= 0) {
      PutHalf(&bytes[at] + type.minimum_offset, scale * type.minimum_ratio);
    }
  }
  return bytes;
}

bool IsLinearLayer(const TensorPlan& plan) { return plan.type == format::TensorType::kW2S24; }

Result<std::vector<GgufTensorPlan>> GgufPlan(const std::vector<TensorPlan>& plan,
                                             const CodedType& linear, const CodedType& other) {
  std::vector<GgufTensorPlan> tensors;
  for (const TensorPlan& tensor : plan) {
    const std::string name = GgufTensorName(tensor.name);
    if (tensor.type == format::TensorType::kF32) {
      tensors.push_back({name, GgmlType::kF32, {tensor.cols}});
      continue;
    }
    const CodedType& type = IsLinearLayer(tensor) ? linear : other;
    const GgmlTypeInfo* info = FindGgmlType(type.name);
    if (tensor.cols % info->block_elements != 0) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("{} has {} columns, no multiple of {}, which {} needs", tensor.name,
                              tensor.cols, info->block_elements, type.name),
                  "choose another shape or type");
    }
    tensors.push_back({name, static_cast<GgmlType>(info->number), {tensor.rows, tensor.cols}});
  }
  return tensors;
}

}  // namespace

std::vector<std::string_view> SynthGgufTypeNames() {
  std::vector<std::string_view> names;
  for (const CodedType& type : kTypes) names.push_back(type.name);
  return names;
}

Status SynthesizeGguf(const ModelConfig& config, const std::string& output, std::string_view type,
                      uint64_t seed, const std::function<void(double)>& progress) {
  const auto* linear = std::ranges::find(kTypes, type, &CodedType::name);
  if (linear == kTypes.end()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown type '{}'", type),
                fmt::format("use one of {}", fmt::join(SynthGgufTypeNames(), ", ")));
  }
  const CodedType& other = kTypes.back();
  const std::vector<TensorPlan> plan = SynthPlan(config);
  ACCLLM_ASSIGN_OR_RETURN(std::vector<GgufTensorPlan> tensors, GgufPlan(plan, *linear, other));
  GgufMetadataWriter metadata;
  ACCLLM_RETURN_IF_ERROR(AddGgufConfig(config, "random weights", &metadata));
  ACCLLM_RETURN_IF_ERROR(AddGgufTokenizer({}, {}, config.vocab_size, &metadata));
  ACCLLM_ASSIGN_OR_RETURN(GgufWriter writer,
                          GgufWriter::Create(output, metadata, std::move(tensors)));
  uint64_t state = seed;
  for (size_t i = 0; i < plan.size(); ++i) {
    progress(static_cast<double>(i) / static_cast<double>(plan.size()));
    if (plan[i].type == format::TensorType::kF32) {
      ACCLLM_RETURN_IF_ERROR(writer.WriteTensor(SynthVector(plan[i])));
      continue;
    }
    ACCLLM_RETURN_IF_ERROR(writer.WriteBytes(RandomBlocks(IsLinearLayer(plan[i]) ? *linear : other,
                                                          writer.tensors()[i],
                                                          SynthDeviation(plan[i], config), state)));
  }
  return writer.Finish();
}

}  // namespace accllm
