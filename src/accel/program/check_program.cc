// What a machine may run: every address, buffer and size is checked once, so that devices need not.
#include <algorithm>
#include <bit>
#include <string_view>

#include "accel/program/layout.h"
#include "accel/program/program_file.h"

namespace accllm::accel {
namespace {

// Far above any model, and small enough that no product of two sizes overflows.
constexpr uint32_t kMaxSize = 1U << 26;

class ProgramChecker {
 public:
  ProgramChecker(const isa::Geometry& geometry, const std::string& path)
      : g_(geometry), path_(path) {}

  Status Geometry() const {
    const auto sized = [](uint32_t value) { return value > 0 && value <= kMaxSize; };
    const uint32_t padded_dim = (g_.head_dim + 63) / 64 * 64;
    if (!std::has_single_bit(g_.lanes) || g_.lanes > isa::kMaxLanes) return Bad("lanes");
    if (g_.slots < 1 || g_.slots > isa::kMaxSlots) return Bad("slots");
    if (!sized(g_.hidden)) return Bad("hidden");
    if (!sized(g_.intermediate)) return Bad("intermediate");
    if (!sized(g_.vocab)) return Bad("vocab");
    if (g_.head_dim < 2 || g_.head_dim > 4096 || g_.head_dim % 2 != 0 ||
        (padded_dim != 64 && padded_dim % 128 != 0)) {
      return Bad("head_dim");
    }
    if (g_.kv_heads < 1 || g_.kv_heads > 4096) return Bad("kv_heads");
    if (g_.heads < g_.kv_heads || g_.heads > 4096 || g_.heads % g_.kv_heads != 0) {
      return Bad("heads");
    }
    if (g_.sink_slots > kMaxSize || g_.sink_slots % isa::kChunkSlots != 0 ||
        g_.sinks > g_.sink_slots || g_.sink_slots - g_.sinks >= isa::kChunkSlots) {
      return Bad("sink_slots");
    }
    if (g_.ring_slots < 1 || g_.ring_slots > kMaxSize || g_.ring_slots % isa::kChunkSlots != 0 ||
        (g_.window > 0 && g_.ring_slots < uint64_t{g_.window} + g_.slots + isa::kChunkSlots - 2)) {
      return Bad("ring_slots");
    }
    if (g_.image_stripes > g_.stripes) return Bad("image_stripes");
    if (g_.memory > static_cast<uint32_t>(isa::Memory::kDdr4)) return Bad("memory");
    if (g_.clock_khz < 1 || g_.clock_khz > 2'000'000) return Bad("clock_khz");
    if (g_.vector_lanes < 1 || g_.vector_lanes > isa::kMaxVectorLanes) return Bad("vector_lanes");
    if (g_.head_units < 1 || g_.head_units > isa::kMaxHeadUnits) return Bad("head_units");
    if (g_.embedding_format > static_cast<uint32_t>(isa::WeightFormat::kDense8)) {
      return Bad("embedding_format");
    }
    ACCLLM_RETURN_IF_ERROR(
        Constant("embedding_address", g_.embedding_address, EmbeddingLayout(g_).stripes()));
    ACCLLM_RETURN_IF_ERROR(
        Variable("input_address", g_.input_address, g_.slots * InputStripes(g_)));
    ACCLLM_RETURN_IF_ERROR(Variable("rope_address", g_.rope_address, g_.slots * RopeStripes(g_)));
    return Variable("output_address", g_.output_address, g_.slots * OutputStripes(g_));
  }

  Status Instruction(size_t index, const isa::Instruction& i, bool is_last) {
    index_ = static_cast<int64_t>(index);
    if (i.has_bias > 1) return Bad("has_bias");
    if ((static_cast<isa::Opcode>(i.opcode) == isa::Opcode::kEnd) != is_last) return Bad("opcode");
    switch (static_cast<isa::Opcode>(i.opcode)) {
      case isa::Opcode::kEnd:
      case isa::Opcode::kLoad:
        return {};
      case isa::Opcode::kNorm:
        ACCLLM_RETURN_IF_ERROR(
            Constant("address", i.address, VectorStripes(SizeOf(i.source), g_.lanes)));
        return Quantize(i);
      case isa::Opcode::kQuantize:
        return Quantize(i);
      case isa::Opcode::kLinear:
        return Linear(i);
      case isa::Opcode::kStoreKv:
        return Store(i);
      case isa::Opcode::kAttend:
        return Cache(i);
    }
    return Bad("opcode");
  }

 private:
  int64_t SizeOf(uint32_t vector) const { return VectorSize(g_, vector); }

  Status Quantize(const isa::Instruction& i) {
    if (SizeOf(i.source) == 0) return Bad("source");
    if (i.destination >= isa::kActivationBuffers) return Bad("destination");
    buffer_blocks_[i.destination] = (SizeOf(i.source) + 255) / 256;
    return {};
  }

  Status Linear(const isa::Instruction& i) const {
    if (i.source >= isa::kActivationBuffers || buffer_blocks_[i.source] != i.blocks) {
      return Bad("source");
    }
    if (i.epilogue > static_cast<uint32_t>(isa::Epilogue::kOutput)) return Bad("epilogue");
    const bool is_output = static_cast<isa::Epilogue>(i.epilogue) == isa::Epilogue::kOutput;
    if (!is_output && SizeOf(i.destination) == 0) return Bad("destination");
    if (i.rows != (is_output ? g_.vocab : SizeOf(i.destination))) return Bad("rows");
    return Matrix(i);
  }

  Status Matrix(const isa::Instruction& i) const {
    if (i.format > static_cast<uint32_t>(isa::WeightFormat::kDense8)) return Bad("format");
    if (i.rows < 1 || i.rows > kMaxSize) return Bad("rows");
    if (i.blocks < 1 || i.blocks > kMaxSize / 256) return Bad("blocks");
    const MatrixLayout layout = {static_cast<isa::WeightFormat>(i.format), i.rows, i.blocks,
                                 g_.lanes, i.has_bias == 1};
    return Constant("address", i.address, layout.stripes());
  }

  Status Store(const isa::Instruction& i) const {
    const bool is_value = static_cast<isa::Vector>(i.source) == isa::Vector::kValue;
    if (!is_value && static_cast<isa::Vector>(i.source) != isa::Vector::kKey) return Bad("source");
    if (is_value && i.has_bias == 1) return Bad("has_bias");
    return Cache(i);
  }

  Status Cache(const isa::Instruction& i) const {
    if (i.has_bias == 1) {
      ACCLLM_RETURN_IF_ERROR(Constant("address", i.address, NarrowStripes(g_.head_dim)));
    }
    const CacheLayout layout = CacheLayout::For(g_);
    ACCLLM_RETURN_IF_ERROR(Variable("keys", i.keys, layout.key_stripes()));
    return Variable("values", i.values, layout.value_stripes());
  }

  // A region of the image, which nothing changes.
  Status Constant(std::string_view field, uint32_t first, int64_t stripes) const {
    if (int64_t{first} + stripes <= int64_t{g_.image_stripes}) return {};
    return Bad(field);
  }

  // A region behind the image, which may be written.
  Status Variable(std::string_view field, uint32_t first, int64_t stripes) const {
    if (first >= g_.image_stripes && int64_t{first} + stripes <= int64_t{g_.stripes}) return {};
    return Bad(field);
  }

  Status Bad(std::string_view field) const {
    const std::string where =
        index_ < 0 ? std::string("geometry") : fmt::format("instruction {}", index_);
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: {}: '{}' is out of range", path_, where, field),
                "compile the model again");
  }

  const isa::Geometry& g_;
  const std::string& path_;
  int64_t index_ = -1;
  int64_t buffer_blocks_[isa::kActivationBuffers] = {};  // of what was quantised last; 0: nothing
};

}  // namespace

Status CheckProgram(const isa::Geometry& geometry, std::span<const isa::Instruction> instructions,
                    const std::string& path) {
  ProgramChecker checker(geometry, path);
  ACCLLM_RETURN_IF_ERROR(checker.Geometry());
  if (instructions.empty()) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: there are no instructions", path),
                "compile the model again");
  }
  for (size_t i = 0; i < instructions.size(); ++i) {
    ACCLLM_RETURN_IF_ERROR(checker.Instruction(i, instructions[i], i + 1 == instructions.size()));
  }
  return {};
}

}  // namespace accllm::accel
