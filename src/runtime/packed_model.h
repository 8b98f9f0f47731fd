// A packed model in memory, ready for the kernels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/float_layer.h"
#include "base/huge_buffer.h"
#include "base/model_config.h"
#include "base/result.h"
#include "base/tensor_names.h"
#include "base/thread_pool.h"
#include "kernels/kernel_table.h"
#include "packed/packed_file.h"
#include "runtime/low_rank_weight.h"

namespace accllm {

// A weight matrix as the engine runs it: blocks, or binary16 rows.
struct LinearWeight {
  format::TensorType type = format::TensorType::kF16;
  kernels::PackedMatrix blocks;      // of a block type
  const uint16_t* halves = nullptr;  // [rows, cols] of kF16
  int64_t rows = 0;
  int64_t cols = 0;
  std::unique_ptr<const LowRankWeight> low_rank;  // or null
  const float* bias = nullptr;                    // [rows], or null
  int64_t bytes = 0;                              // read for one product

  int64_t n_tiles() const { return (rows + format::kTileRows - 1) / format::kTileRows; }
  // As PackedMatrix::RowOfTile, for rows of either kind.
  int64_t RowOfTile(int64_t tile) const {
    return halves == nullptr ? blocks.RowOfTile(tile) : std::min(rows, tile * format::kTileRows);
  }
};

struct PackedLayer {
  LayerVectors vectors;
  std::vector<LinearWeight> linear;  // in the order of kLinearKinds

  const LinearWeight& at(LinearKind kind) const { return linear[static_cast<size_t>(kind)]; }
};

class PackedModel {
 public:
  // Copies the weights of `file` into huge-page memory, in parallel, checking each tensor's hash.
  // Errors: kCorrupt, kOutOfMemory.
  static Result<PackedModel> Load(const PackedFile& file, const kernels::KernelTable& kernels,
                                  ThreadPool& pool);

  const ModelConfig& config() const { return metadata_.config; }
  const PackedMetadata& metadata() const { return metadata_; }
  const LinearWeight& embedding() const { return embedding_; }
  const LinearWeight& lm_head() const {
    return config().tie_word_embeddings ? embedding_ : lm_head_;
  }
  const std::vector<float>& final_norm() const { return final_norm_; }
  const std::vector<PackedLayer>& layers() const { return layers_; }

  // Row `row` of the embedding in float: out [hidden].
  void EmbeddingRow(int64_t row, float* out) const;

  // The largest rank of a linear layer's low-rank part; 0 if none has one.
  int64_t max_rank() const;

  // Bytes that decoding one token reads: all linear layers, low-rank parts too, and the lm_head.
  int64_t BytesPerToken() const;

 private:
  struct Loader;

  PackedMetadata metadata_;
  // All matrices, each 64-byte aligned; 2:4 layers interleaved where the ISA wants it.
  HugeBuffer weights_;
  HugeBuffer low_ranks_;                        // all low-rank parts, likewise
  std::vector<std::vector<float>> row_scales_;  // one a matrix of a block type: [padded rows]
  std::vector<std::vector<int32_t>> row_sums_;  // likewise
  LinearWeight embedding_;
  LinearWeight lm_head_;
  std::vector<float> final_norm_;
  std::vector<PackedLayer> layers_;
};

}  // namespace accllm
