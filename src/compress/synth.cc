#include "compress/synth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/architecture.h"
#include "base/block_codec.h"
#include "base/fp16.h"
#include "base/split_mix64.h"
#include "compress/synth_plan.h"
#include "packed/packed_file.h"
#include "packed/packed_writer.h"

namespace accllm {
namespace {

using format::TensorType;

struct Shape {
  std::string_view name;
  std::string_view architecture;
  int64_t hidden;
  int64_t intermediate;
  int64_t n_layers;
  int64_t n_heads;
  int64_t n_kv_heads;
  int64_t head_dim;
  int64_t vocab;
  int64_t context;
  double rope_theta;
  float norm_eps;
  bool is_tied;
};

constexpr std::array kShapes = {
    Shape{"llama-2-7b", "LlamaForCausalLM", 4096, 11008, 32, 32, 32, 128, 32000, 4096, 1e4, 1e-5F,
          false},
    Shape{"tinyllama-1.1b", "LlamaForCausalLM", 2048, 5632, 22, 32, 4, 64, 32000, 2048, 1e4, 1e-5F,
          false},
    Shape{"llama-3.2-1b", "LlamaForCausalLM", 2048, 8192, 16, 32, 8, 64, 128256, 131072, 5e5, 1e-5F,
          true},
    Shape{"qwen2.5-0.5b", "Qwen2ForCausalLM", 896, 4864, 24, 14, 2, 64, 151936, 32768, 1e6, 1e-6F,
          true},
};

constexpr std::string_view kRecipe = R"({"name":"synth"})";

// Multipliers are drawn from the upper half of this range, like those of a trained layer.
constexpr int64_t kMultiplierMax = 127;

struct MultiplierRange {
  int64_t low;
  int64_t high;

  double MeanSquare() const {
    double total = 0;
    for (int64_t m = low; m <= high; ++m) total += static_cast<double>(m * m);
    return total / static_cast<double>(high - low + 1);
  }
};

MultiplierRange RangeOf(TensorType type, int64_t cols) {
  const int64_t high = std::min(kMultiplierMax, MaxMultiplier(type, cols));
  return {high / 2 + 1, high};
}

// Eight random 7-bit codes below 96: bit 6 is cleared where bits 6 and 5 are both set.
uint64_t EightCodes(uint64_t& state) {
  constexpr uint64_t kBit6 = 0x81020408102040ULL;  // bit 6 of each of the eight codes
  const uint64_t codes = SplitMix64(state) & 0xFFFFFFFFFFFFFFULL;
  return codes ^ (codes & (codes << 1) & kBit6);
}

// Sixteen random nibbles other than -8, which becomes -7.
uint64_t SixteenNibbles(uint64_t& state) {
  constexpr uint64_t kLowBits = 0x1111111111111111ULL;
  const uint64_t nibbles = SplitMix64(state);
  const uint64_t rest = nibbles | (nibbles >> 1) | (nibbles >> 2);
  return nibbles | ((nibbles >> 3) & ~rest & kLowBits);
}

void FillBlockRow(TensorType type, uint64_t& state, uint8_t* row) {
  const bool is_sparse = type == TensorType::kW2S24;
  const int64_t step = is_sparse ? 7 : 8;
  const int64_t bytes = is_sparse ? format::kCodeBytes : BlockRowBytes(type);
  for (int64_t at = 0; at < bytes; at += step) {
    const uint64_t word = is_sparse ? EightCodes(state) : SixteenNibbles(state);
    std::memcpy(row + at, &word, static_cast<size_t>(step));
  }
}

// Mean square of a random level: two of four are ±1 or ±2; or -7..7 with -7 twice as likely.
double MeanSquareLevel(TensorType type) {
  return type == TensorType::kW2S24 ? 1.25 : (2.0 * 140.0 + 49.0) / 16.0;
}

// A matrix of a block type whose weights have the given deviation.
std::vector<uint8_t> RandomMatrix(const TensorPlan& plan, const TensorLayout& layout,
                                  double deviation, uint64_t& state) {
  std::vector<uint8_t> bytes(static_cast<size_t>(layout.data_bytes));
  const MultiplierRange range = RangeOf(plan.type, plan.cols);
  const auto n_multipliers = static_cast<uint64_t>(range.high - range.low + 1);
  const int64_t n_groups = (plan.cols + format::kGroupWeights - 1) / format::kGroupWeights;
  for (int64_t row = 0; row < plan.rows; ++row) {
    for (int64_t block = 0; block < layout.n_blocks; ++block) {
      const BlockPlace place = PlaceOfBlock(plan.type, layout.n_blocks, row, block);
      FillBlockRow(plan.type, state, bytes.data() + place.row_offset);
      uint64_t random = SplitMix64(state);
      const int64_t groups =
          std::min(format::kGroupsPerBlock, n_groups - block * format::kGroupsPerBlock);
      for (int64_t q = 0; q < groups; ++q, random >>= 8) {
        const uint64_t offset = (random & 0xFFU) % n_multipliers;
        bytes[static_cast<size_t>(place.multipliers_offset + q)] =
            static_cast<uint8_t>(static_cast<uint64_t>(range.low) + offset);
      }
    }
  }
  const uint16_t scale = FloatToBf16(
      static_cast<float>(deviation / std::sqrt(MeanSquareLevel(plan.type) * range.MeanSquare())));
  for (int64_t row = 0; row < plan.rows; ++row) {
    std::memcpy(bytes.data() + layout.scales_offset + row * format::kRowScaleBytes, &scale,
                sizeof(scale));
  }
  return bytes;
}

std::vector<uint8_t> PlainVector(const TensorPlan& plan) {
  const std::vector<float> values = SynthVector(plan);
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string MetadataOf(const ModelConfig& config, uint64_t seed) {
  PackedMetadata metadata;
  metadata.config = config;
  metadata.attention.window =
      std::min(metadata.attention.window,
               std::max<int64_t>(1, config.max_position_embeddings - metadata.attention.n_sinks));
  metadata.recipe_json = kRecipe;
  metadata.provenance_json = fmt::format(R"({{"checkpoint":"random weights","seed":{}}})", seed);
  return PackedMetadataToJson(metadata);
}

}  // namespace

std::vector<std::string_view> SynthShapeNames() {
  std::vector<std::string_view> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

Result<ModelConfig> SynthShape(std::string_view name) {
  const auto* found = std::find_if(kShapes.begin(), kShapes.end(),
                                   [&](const Shape& shape) { return shape.name == name; });
  if (found == kShapes.end()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown shape '{}'", name),
                fmt::format("use one of {}", fmt::join(SynthShapeNames(), ", ")));
  }
  ModelConfig config;
  config.architecture = found->architecture;
  config.has_qkv_bias = FindArchitecture(found->architecture)->has_qkv_bias;
  config.hidden_size = found->hidden;
  config.intermediate_size = found->intermediate;
  config.n_layers = found->n_layers;
  config.n_heads = found->n_heads;
  config.n_kv_heads = found->n_kv_heads;
  config.head_dim = found->head_dim;
  config.vocab_size = found->vocab;
  config.max_position_embeddings = found->context;
  config.rms_norm_eps = found->norm_eps;
  config.rope_theta = found->rope_theta;
  config.tie_word_embeddings = found->is_tied;
  return config;
}

Status Synthesize(const ModelConfig& config, const std::string& output, uint64_t seed,
                  const std::string& tokenizer_bytes, const std::function<void(double)>& progress) {
  const std::vector<TensorPlan> plan = SynthPlan(config);
  ACCLLM_ASSIGN_OR_RETURN(PackedWriter writer, PackedWriter::Create(output, plan, false));
  uint64_t state = seed;
  for (size_t i = 0; i < plan.size(); ++i) {
    const TensorPlan& tensor = plan[i];
    progress(static_cast<double>(i) / static_cast<double>(plan.size()));
    ACCLLM_ASSIGN_OR_RETURN(const TensorLayout layout,
                            LayOutTensor(tensor.type, tensor.rows, tensor.cols));
    const std::vector<uint8_t> bytes =
        tensor.type == TensorType::kF32
            ? PlainVector(tensor)
            : RandomMatrix(tensor, layout, SynthDeviation(tensor, config), state);
    ACCLLM_RETURN_IF_ERROR(writer.WriteTensor(tensor.name, bytes));
  }
  return writer.Finish(
      {reinterpret_cast<const uint8_t*>(tokenizer_bytes.data()), tokenizer_bytes.size()},
      MetadataOf(config, seed));
}

}  // namespace accllm
