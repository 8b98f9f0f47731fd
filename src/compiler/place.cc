#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "accel/program/matrix_reader.h"
#include "accel/program/stored_vector.h"
#include "base/tensor_names.h"
#include "compiler/passes.h"

namespace accllm::compiler {
namespace {

constexpr int64_t kMaxStripes = std::numeric_limits<uint32_t>::max();
constexpr int64_t kMaxTokens = 1 << 26;  // of sinks, window or context

Result<isa::WeightFormat> FormatOf(const ModelTensor& tensor) {
  switch (tensor.type) {
    case format::TensorType::kW2S24:
      return isa::WeightFormat::kSparse24;
    case format::TensorType::kW2:
      return isa::WeightFormat::kDense2;
    case format::TensorType::kW4:
      return isa::WeightFormat::kDense4;
    case format::TensorType::kW8:
      return isa::WeightFormat::kDense8;
    default:
      return tl::unexpected(
          BrokenPass("place", fmt::format("{} has no stream format", tensor.name)));
  }
}

isa::Geometry GeometryOf(const ModelConfig& config, const CompileOptions& options) {
  const auto narrow = [](int64_t value) { return static_cast<uint32_t>(value); };
  const bool is_full = options.window.window == AttentionWindow::kAll;
  isa::Geometry g = {};
  g.hidden = narrow(config.hidden_size);
  g.intermediate = narrow(config.intermediate_size);
  g.heads = narrow(config.n_heads);
  g.kv_heads = narrow(config.n_kv_heads);
  g.head_dim = narrow(config.head_dim);
  g.vocab = narrow(config.vocab_size);
  g.sinks = narrow(options.window.n_sinks);
  g.window = narrow(options.window.window);
  g.sink_slots = narrow(RoundUp(options.window.n_sinks, isa::kChunkSlots));
  // With a chunk to spare no chunk of slots ever holds visible tokens of two chunks of positions.
  const int64_t seen = options.window.window + options.target.slots - 1;
  g.ring_slots =
      narrow(RoundUp(is_full ? options.max_tokens : seen + isa::kChunkSlots - 1, isa::kChunkSlots));
  g.lanes = narrow(options.target.lanes);
  g.slots = narrow(options.target.slots);
  g.memory = static_cast<uint32_t>(options.target.memory);
  g.vector_lanes = narrow(options.target.vector_lanes);
  g.head_units = narrow(options.target.head_units);
  g.clock_khz = narrow(std::llround(options.target.clock_mhz * 1000));
  return g;
}

class Placer {
 public:
  Placer(Graph& graph, const ModelTensors& model, const CompileOptions& options)
      : graph_(graph), model_(model), options_(options) {}

  Status Run() {
    const AttentionWindow& window = options_.window;
    if (window.n_sinks > kMaxTokens || window.window > kMaxTokens ||
        options_.max_tokens > kMaxTokens) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("sinks, window and context are at most {}", kMaxTokens),
                  "use --sinks 4 --window 2044");
    }
    graph_.geometry = GeometryOf(model_.config, options_);
    isa::Geometry& g = graph_.geometry;
    for (const Operation& op : graph_.operations) {
      if (!op.tensor.empty()) ACCLLM_RETURN_IF_ERROR(PlaceTensor(op));
    }
    const Placement& embedding = *graph_.Find(kEmbedTokensName);
    g.embedding_address = static_cast<uint32_t>(embedding.stripe);
    g.embedding_format = static_cast<uint32_t>(embedding.matrix->format);
    const int64_t constants = end_;
    const accel::CacheLayout cache = accel::CacheLayout::For(g);
    const int64_t stripes_for_one = options_.cache_bits / 4;  // of codes of 4 bits
    for (int64_t layer = 0; layer < model_.config.n_layers; ++layer) {
      const int64_t keys = Take(stripes_for_one * cache.key_stripes());
      graph_.caches.push_back({keys, Take(stripes_for_one * cache.value_stripes())});
    }
    const int64_t caches = end_ - constants;
    const int64_t input = Take(g.slots * accel::InputStripes(g));
    const int64_t rope = Take(g.slots * accel::RopeStripes(g));
    const int64_t output = Take(g.slots * accel::OutputStripes(g));
    ACCLLM_RETURN_IF_ERROR(CheckFits(constants, caches));
    g.input_address = static_cast<uint32_t>(input);
    g.rope_address = static_cast<uint32_t>(rope);
    g.output_address = static_cast<uint32_t>(output);
    g.image_stripes = static_cast<uint32_t>(constants);
    g.stripes = static_cast<uint32_t>(end_);
    return {};
  }

 private:
  int64_t Take(int64_t stripes) {
    const int64_t first = end_;
    end_ += stripes;
    return first;
  }

  Status PlaceTensor(const Operation& op) {
    const std::string& name = op.tensor;
    if (graph_.Find(name) != nullptr) return {};  // a tied embedding is there twice
    const ModelTensor* tensor = model_.Find(name);
    if (tensor == nullptr) {
      return Fail(ErrorCode::kNotFound,
                  fmt::format("{}: there is no tensor {}", model_.path, name));
    }
    const int64_t lanes = options_.target.lanes;
    Placement placement = {.tensor = name};
    if (IsBlockType(tensor->type)) {
      ACCLLM_ASSIGN_OR_RETURN(const isa::WeightFormat format, FormatOf(*tensor));
      placement.matrix = accel::MatrixLayout{format, tensor->rows,
                                             accel::CeilDiv(tensor->cols, format::kBlockWeights),
                                             lanes, !op.bias.empty()};
      placement.bias = op.bias;
      placement.stripes = placement.matrix->stripes();
    } else {
      const int64_t size = tensor->rows * tensor->cols;
      placement.is_narrow = op.op != Op::kNorm;
      placement.stripes =
          placement.is_narrow ? accel::NarrowStripes(size) : accel::VectorStripes(size, lanes);
    }
    placement.stripe = Take(placement.stripes);
    graph_.placements.push_back(std::move(placement));
    return {};
  }

  Status CheckFits(int64_t constants, int64_t caches) const {
    const Target& target = options_.target;
    const int64_t available = std::min(target.channel_bytes / isa::kBeatBytes, kMaxStripes);
    if (end_ <= available) return {};
    const auto megabytes = [&](int64_t stripes) {
      return static_cast<double>(stripes * target.lanes * isa::kBeatBytes) / 1e6;
    };
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} does not fit target {}: weights {:.1f} MB, cache {:.1f} MB, inputs "
                            "and logits {:.1f} MB, memory {:.1f} MB",
                            model_.path, target.name, megabytes(constants), megabytes(caches),
                            megabytes(end_ - constants - caches), megabytes(available)),
                constants > available ? "use a smaller model or a target with more memory"
                                      : "use a smaller --window or --context");
  }

  Graph& graph_;
  const ModelTensors& model_;
  const CompileOptions& options_;
  int64_t end_ = 0;
};

Status WriteMatrix(const Placement& place, const PackedTensor& tensor, std::span<const float> bias,
                   accel::ProgramWriter& writer) {
  const accel::MatrixLayout& layout = *place.matrix;
  const int64_t tile_beats = layout.tile_beats();
  const int64_t block_beats = tile_beats / layout.blocks;
  const uint8_t* scales = tensor.bytes.data() + tensor.layout.scales_offset;
  std::vector<uint8_t> stripes;
  std::vector<uint8_t> tile_stream;
  // A beat of scales, the bias and the tiles that share it, of all lanes.
  for (int64_t round = 0; round < layout.n_rounds(); round += isa::kScaleTiles) {
    const int64_t rounds = std::min(isa::kScaleTiles, layout.n_rounds() - round);
    const int64_t n_stripes = layout.head_beats() + rounds * tile_beats;
    stripes.assign(static_cast<size_t>(n_stripes * layout.lanes * isa::kBeatBytes), 0);
    const auto beat = [&](int64_t stripe, int64_t lane) {
      return stripes.data() + (stripe * layout.lanes + lane) * isa::kBeatBytes;
    };
    for (int64_t i = 0; i < rounds; ++i) {
      for (int64_t lane = 0; lane < layout.lanes; ++lane) {
        const int64_t tile = (round + i) * layout.lanes + lane;
        if (tile >= layout.n_tiles()) break;
        constexpr int64_t kTileScales = format::kTileRows * format::kRowScaleBytes;
        std::copy_n(scales + tile * kTileScales, kTileScales, beat(0, lane) + i * kTileScales);
        const size_t row = static_cast<size_t>(tile * format::kTileRows);
        if (row < bias.size()) {
          std::memcpy(beat(1 + i / accel::kTilesOfBeat, lane) +
                          i % accel::kTilesOfBeat * accel::kTileFloatBytes,
                      &bias[row],
                      std::min<size_t>(format::kTileRows, bias.size() - row) * sizeof(float));
        }
        const uint8_t* from = tensor.bytes.data() + tile * tile_beats * isa::kBeatBytes;
        tile_stream.resize(static_cast<size_t>(tile_beats * isa::kBeatBytes));
        for (int64_t b = 0; b < tile_beats; b += block_beats) {
          accel::StreamBlock(layout.format, from + b * isa::kBeatBytes,
                             tile_stream.data() + b * isa::kBeatBytes);
        }
        for (int64_t b = 0; b < tile_beats; ++b) {
          std::copy_n(tile_stream.data() + b * isa::kBeatBytes, isa::kBeatBytes,
                      beat(layout.head_beats() + i * tile_beats + b, lane));
        }
      }
    }
    ACCLLM_RETURN_IF_ERROR(writer.WriteStripes(place.stripe + layout.ScaleBeat(round), stripes));
  }
  return {};
}

}  // namespace

Status Place(Graph& graph, const ModelTensors& model, const CompileOptions& options) {
  return Placer(graph, model, options).Run();
}

Status VerifyPlacement(const Graph& graph) {
  struct Region {
    int64_t first;
    int64_t stripes;
    std::string name;
  };
  std::vector<Region> regions;
  for (const Placement& p : graph.placements) regions.push_back({p.stripe, p.stripes, p.tensor});
  const isa::Geometry& g = graph.geometry;
  const accel::CacheLayout cache = accel::CacheLayout::For(g);
  for (const Graph::Cache& c : graph.caches) {
    regions.push_back({c.keys, cache.key_stripes(), "keys"});
    regions.push_back({c.values, cache.value_stripes(), "values"});
  }
  regions.push_back({g.input_address, g.slots * accel::InputStripes(g), "inputs"});
  regions.push_back({g.rope_address, g.slots * accel::RopeStripes(g), "angles"});
  regions.push_back({g.output_address, g.slots * accel::OutputStripes(g), "logits"});
  std::sort(regions.begin(), regions.end(),
            [](const Region& a, const Region& b) { return a.first < b.first; });
  int64_t end = 0;
  for (const Region& region : regions) {
    if (region.first < end || region.stripes < 1) {
      return tl::unexpected(BrokenPass("place", fmt::format("{} overlaps", region.name)));
    }
    end = region.first + region.stripes;
  }
  if (end <= int64_t{g.stripes}) return {};
  return tl::unexpected(BrokenPass("place", "a region lies outside memory"));
}

Status WriteImage(const Graph& graph, const PackedFile& packed, accel::ProgramWriter& writer,
                  const std::function<bool(double share)>& on_progress) {
  for (const Placement& place : graph.placements) {
    const auto share = static_cast<double>(place.stripe) / graph.geometry.image_stripes;
    if (on_progress && !on_progress(share)) {
      return Fail(ErrorCode::kInterrupted, "interrupted", "nothing is kept");
    }
    ACCLLM_ASSIGN_OR_RETURN(const PackedTensor* tensor, packed.Find(place.tensor));
    ACCLLM_RETURN_IF_ERROR(packed.CheckHash(*tensor));
    if (place.matrix) {
      std::vector<float> bias;
      if (!place.bias.empty()) {
        ACCLLM_ASSIGN_OR_RETURN(bias, packed.ReadFloat(place.bias));
      }
      ACCLLM_RETURN_IF_ERROR(WriteMatrix(place, *tensor, bias, writer));
    } else {
      ACCLLM_ASSIGN_OR_RETURN(const std::vector<float> values, packed.ReadFloat(place.tensor));
      const int64_t lanes = graph.geometry.lanes;
      ACCLLM_RETURN_IF_ERROR(writer.WriteStripes(
          place.stripe, place.is_narrow ? accel::StoreNarrowVector(values, lanes)
                                        : accel::StoreVector(values, lanes)));
    }
    packed.DropPages(tensor->bytes);
  }
  return {};
}

}  // namespace accllm::compiler
