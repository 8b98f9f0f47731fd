#include "runtime/packed_model.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/block_codec.h"
#include "base/fp16.h"
#include "packed/quantized_matrix.h"
#include "packed/xxh3.h"

namespace accllm {

// Fills a PackedModel: places every matrix in one buffer, then copies and checks in parallel.
struct PackedModel::Loader {
  const PackedFile& file;
  const kernels::KernelTable& kernels;
  ThreadPool& pool;
  PackedModel& model;

  struct Copy {
    const PackedTensor* tensor;
    LinearWeight* weight;
    int64_t offset;  // in the buffer
  };
  std::vector<Copy> copies;
  int64_t total_bytes = 0;

  struct LowRankPlace {
    LowRank values;
    LinearWeight* weight;
    int64_t offset;  // in the buffer of low-rank parts
  };
  std::vector<LowRankPlace> low_ranks;
  int64_t low_rank_bytes = 0;

  // Rows of the embedding are read one by one.
  bool IsInterleaved(const Copy& copy) const {
    return kernels.tile.w2s24_interleaved != nullptr && copy.weight != &model.embedding_ &&
           copy.tensor->type == format::TensorType::kW2S24;
  }

  Status Place(const std::string& name, LinearWeight& weight) {
    ACCLLM_ASSIGN_OR_RETURN(const PackedTensor* tensor, file.Find(name));
    weight.type = tensor->type;
    weight.rows = tensor->rows;
    weight.cols = tensor->cols;
    weight.bytes = tensor->layout.data_bytes;
    copies.push_back({tensor, &weight, total_bytes});
    int64_t bytes = tensor->layout.data_bytes;
    if (IsInterleaved(copies.back())) {
      bytes = std::max(bytes, RoundUp(tensor->rows, kernels::kInterleavedRows) /
                                  kernels::kInterleavedRows *
                                  kernels::InterleavedTileBytes(tensor->layout.n_blocks));
    }
    total_bytes = RoundUp(total_bytes + bytes, format::kAlignment);
    return {};
  }

  Status PlaceLowRank(const std::string& name, LinearWeight& weight) {
    ACCLLM_ASSIGN_OR_RETURN(std::optional<LowRank> low_rank, file.ReadLowRank(name));
    if (!low_rank) return {};
    for (const std::string& half : {LowRankNameA(name), LowRankNameB(name)}) {
      ACCLLM_ASSIGN_OR_RETURN(const PackedTensor* tensor, file.Find(half));
      ACCLLM_RETURN_IF_ERROR(file.CheckHash(*tensor));
    }
    const int64_t bytes = LowRankBytes(*low_rank);
    weight.bytes += bytes;
    low_ranks.push_back({std::move(*low_rank), &weight, low_rank_bytes});
    low_rank_bytes = RoundUp(low_rank_bytes + bytes, format::kAlignment);
    return {};
  }

  Status PlaceAll() {
    const ModelConfig& config = model.config();
    ACCLLM_RETURN_IF_ERROR(Place(std::string(kEmbedTokensName), model.embedding_));
    if (!config.tie_word_embeddings) {
      ACCLLM_RETURN_IF_ERROR(Place(std::string(kLmHeadName), model.lm_head_));
    }
    ACCLLM_ASSIGN_OR_RETURN(model.final_norm_, file.ReadFloat(kFinalNormName));
    model.layers_.resize(static_cast<size_t>(config.n_layers));
    for (int64_t i = 0; i < config.n_layers; ++i) {
      PackedLayer& layer = model.layers_[static_cast<size_t>(i)];
      ACCLLM_ASSIGN_OR_RETURN(layer.vectors, file.ReadVectors(i));
      layer.linear.resize(kLinearKinds.size());
      for (const LinearKind kind : kLinearKinds) {
        LinearWeight& weight = layer.linear[static_cast<size_t>(kind)];
        ACCLLM_RETURN_IF_ERROR(Place(LayerTensorName(i, kind), weight));
        ACCLLM_RETURN_IF_ERROR(PlaceLowRank(LayerTensorName(i, kind), weight));
        const std::vector<float>& bias = layer.vectors.at(BiasOf(kind));
        if (!bias.empty()) weight.bias = bias.data();
      }
    }
    return {};
  }

  // Copies all tensors, in pieces so that large ones are shared among the threads.
  void CopyAll() const {
    constexpr int64_t kPiece = int64_t{4} << 20;
    struct Piece {
      const uint8_t* from;
      uint8_t* to;
      int64_t bytes;
    };
    std::vector<Piece> pieces;
    for (const Copy& copy : copies) {
      const int64_t bytes = copy.tensor->layout.data_bytes;
      for (int64_t at = 0; at < bytes; at += kPiece) {
        pieces.push_back({copy.tensor->bytes.data() + at, model.weights_.data() + copy.offset + at,
                          std::min(kPiece, bytes - at)});
      }
    }
    pool.ParallelFor(static_cast<int64_t>(pieces.size()), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const Piece& piece = pieces[static_cast<size_t>(i)];
        const auto size = static_cast<size_t>(piece.bytes);
        std::memcpy(piece.to, piece.from, size);
        file.DropPages({piece.from, size});  // or the file would stay resident beside its copy
      }
    });
  }

  Status CheckHashes() const {
    std::vector<uint8_t> damaged(copies.size(), 0);
    pool.ParallelFor(static_cast<int64_t>(copies.size()), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const Copy& copy = copies[static_cast<size_t>(i)];
        const auto bytes = model.weights_.bytes().subspan(
            static_cast<size_t>(copy.offset), static_cast<size_t>(copy.tensor->layout.data_bytes));
        damaged[static_cast<size_t>(i)] = Xxh3(bytes) != copy.tensor->xxh3 ? 1 : 0;
      }
    });
    const auto found = std::find(damaged.begin(), damaged.end(), 1);
    if (found == damaged.end()) return {};
    const Copy& copy = copies[static_cast<size_t>(found - damaged.begin())];
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: tensor {}: hash differs", file.path(), copy.tensor->name),
                "the file is damaged: copy it again or compress the model again");
  }

  Status BuildLowRanks() const {
    if (low_ranks.empty()) return {};
    ACCLLM_ASSIGN_OR_RETURN(model.low_ranks_,
                            HugeBuffer::Allocate(static_cast<size_t>(low_rank_bytes)));
    pool.ParallelFor(std::ssize(low_ranks), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        const LowRankPlace& place = low_ranks[static_cast<size_t>(i)];
        place.weight->low_rank = std::make_unique<const LowRankWeight>(
            LayOutLowRank(place.values, kernels.tile, model.low_ranks_.data() + place.offset));
      }
    });
    return {};
  }

  Status BuildViews() const {
    model.row_sums_.resize(copies.size());
    model.row_scales_.resize(copies.size());
    for (size_t i = 0; i < copies.size(); ++i) {
      const Copy& copy = copies[i];
      LinearWeight& weight = *copy.weight;
      const uint8_t* data = model.weights_.data() + copy.offset;
      if (!IsBlockType(weight.type)) {
        weight.halves = reinterpret_cast<const uint16_t*>(data);
        continue;
      }
      const TensorLayout& layout = copy.tensor->layout;
      std::vector<float>& scales = model.row_scales_[i];
      scales.resize(static_cast<size_t>(layout.padded_rows));
      ReadRowScales(data + layout.scales_offset, scales);
      std::vector<int32_t>& sums = model.row_sums_[i];
      sums.resize(static_cast<size_t>(layout.padded_rows));
      weight.blocks = {weight.type, weight.rows,   weight.cols, layout.n_blocks,
                       data,        scales.data(), sums.data(), &kCodebook24};
      if (layout.codebook_offset != 0) {
        const uint8_t* codebook = data + layout.codebook_offset;
        if (auto checked = ReadCodebook(codebook); !checked) {
          return Fail(ErrorCode::kCorrupt, fmt::format("{}: tensor {}: {}", file.path(),
                                                       copy.tensor->name, checked.error().message));
        }
        weight.blocks.codebook = reinterpret_cast<const Codebook*>(codebook);
      }
      pool.ParallelFor(weight.n_tiles(), [&](int64_t begin, int64_t end, int) {
        kernels::RowSums(kernels.tile, weight.blocks, begin, end, sums.data());
      });
    }
    return {};
  }

  // In place: 32 rows take as many bytes as before, and each 32 rows are turned by themselves.
  void Interleave() const {
    for (const Copy& copy : copies) {
      if (!IsInterleaved(copy)) continue;
      kernels::PackedMatrix& matrix = copy.weight->blocks;
      uint8_t* data = model.weights_.data() + copy.offset;
      const int64_t n_tiles = matrix.n_tiles();
      matrix.is_interleaved = true;
      const int64_t bytes = matrix.kernel_bytes();
      constexpr int64_t kTiles = kernels::kInterleavedRows / format::kTileRows;
      pool.ParallelFor((n_tiles + kTiles - 1) / kTiles, [&](int64_t begin, int64_t end, int) {
        std::vector<uint8_t> tile(static_cast<size_t>(bytes));
        for (int64_t i = begin; i < end; ++i) {
          kernels::Interleave24(data + i * bytes, std::min(kTiles, n_tiles - i * kTiles),
                                matrix.n_blocks, tile.data());
          std::memcpy(data + i * bytes, tile.data(), tile.size());
        }
      });
    }
  }
};

Result<PackedModel> PackedModel::Load(const PackedFile& file, const kernels::KernelTable& kernels,
                                      ThreadPool& pool) {
  PackedModel model;
  model.metadata_ = file.metadata();
  Loader loader{file, kernels, pool, model, {}, 0, {}, 0};
  ACCLLM_RETURN_IF_ERROR(loader.PlaceAll());
  ACCLLM_ASSIGN_OR_RETURN(model.weights_,
                          HugeBuffer::Allocate(static_cast<size_t>(loader.total_bytes)));
  loader.CopyAll();
  ACCLLM_RETURN_IF_ERROR(loader.CheckHashes());
  ACCLLM_RETURN_IF_ERROR(loader.BuildViews());
  loader.Interleave();
  ACCLLM_RETURN_IF_ERROR(loader.BuildLowRanks());
  return model;
}

void PackedModel::EmbeddingRow(int64_t row, float* out) const {
  const LinearWeight& w = embedding_;
  if (w.halves != nullptr) {
    for (int64_t k = 0; k < w.cols; ++k) out[k] = HalfToFloat(w.halves[row * w.cols + k]);
    return;
  }
  std::array<int8_t, format::kBlockWeights> levels;
  const float scale = w.blocks.row_scales[row];
  for (int64_t block = 0; block < w.blocks.n_blocks; ++block) {
    const BlockPlace place = PlaceOfBlock(w.type, w.blocks.n_blocks, row, block);
    const uint8_t* multipliers = w.blocks.blocks + place.multipliers_offset;
    DecodeBlockRow(w.type, w.blocks.blocks + place.row_offset, levels.data(), *w.blocks.codebook);
    const int64_t col0 = block * format::kBlockWeights;
    const int64_t n = std::min(format::kBlockWeights, w.cols - col0);
    for (int64_t k = 0; k < n; ++k) {
      const int product = levels[static_cast<size_t>(k)] * multipliers[k / format::kGroupWeights];
      out[col0 + k] = static_cast<float>(product) * scale;
    }
  }
}

int64_t PackedModel::max_rank() const {
  int64_t rank = 0;
  for (const PackedLayer& layer : layers_) {
    for (const LinearWeight& weight : layer.linear) {
      if (weight.low_rank != nullptr) rank = std::max(rank, weight.low_rank->rank());
    }
  }
  return rank;
}

int64_t PackedModel::BytesPerToken() const {
  int64_t bytes = lm_head().bytes;
  for (const PackedLayer& layer : layers_) {
    for (const LinearWeight& weight : layer.linear) bytes += weight.bytes;
  }
  return bytes;
}

}  // namespace accllm
