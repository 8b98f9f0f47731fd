// The inner loops of the quantiser, vectorised over output rows: a chunk of 64 rows is processed at
// once, transposed, so that element [k][r] is column k of row r. Every variant rounds alike.
#pragma once

#include <cstdint>

#include "base/block_codec.h"
#include "spec/packed_format.h"

namespace accllm {

inline constexpr int64_t kChunkRows = 64;
inline constexpr int64_t kGroupCols = format::kGroupWeights;  // columns that share a multiplier

// One group of columns of the optimal-brain-surgeon pass. `upper` is the group's diagonal block of
// U, where H^-1 = U^T U. Columns past the matrix have zeros in all three: their error costs
// nothing.
struct ObsGroup {
  float upper[kGroupCols][kGroupCols];
  float inverse_diagonal[kGroupCols];  // 1 / U[k][k]
  float metric[kGroupCols / 4][4][4];  // (U_BB^T U_BB)^-1 of each four columns
};

// The fours of a free codebook, [code][weight of the four].
using FreeFours = float[format::kCodes][4];

inline void SetFreeFours(const Codebook& codebook, FreeFours& fours) {
  for (size_t code = 0; code < format::kCodes; ++code) {
    for (size_t j = 0; j < 4; ++j) fours[code][j] = static_cast<float>(codebook.levels[j][code]);
  }
}

// The multipliers that a search tries: multiples of each row's own estimate.
struct MultiplierSearch {
  const float* factors = nullptr;
  int64_t n_factors = 0;
  float max_multiplier = 255;
  const FreeFours* codebook = nullptr;  // of the searches among free codes
};

// All six patterns of a 2:4 group; bit p stands for format::kPatterns[p].
inline constexpr int32_t kAllPatterns = 0x3F;

struct ObsGroupRows {
  const float* weights;     // [32][64], errors of earlier columns already pushed in
  const float* row_scales;  // [64]
  const int32_t* patterns;  // [8][64] bit sets: what each four columns may use; 2:4 searches only
  float* levels;            // out [32][64]
  float* multipliers;       // out [64]
  float* errors;            // out [32][64]: y, so that later columns j get w_j -= sum y_i U[i][j]
};

// One group of columns of the refinement. `gradient` is H (w - q) of each row.
struct RefineGroupRows {
  const float* row_scales;  // [64]
  const float* gradient;    // [32][64]
  float* levels;            // in and out [32][64]
  float* multipliers;       // in and out [64]
  float* change;            // out [32][64]: by how much q grew
  const int32_t* patterns;  // [8][64] as in ObsGroupRows
};

struct RowKernels {
  // c[n_j][64] -= a[n_i, n_j]^T (row stride `stride`) * y[n_i][64].
  void (*subtract_product)(const float* a, int64_t stride, int64_t n_i, int64_t n_j, const float* y,
                           float* c);
  // Chooses levels and a multiplier per row with the least y^2 over the group. The types w* are
  // dense; search_free chooses among the codes of search.codebook; search_sparsegpt is search_24
  // where the weights' saliency names the pattern beforehand.
  void (*search_24)(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows);
  void (*search_sparsegpt)(const ObsGroup& group, const MultiplierSearch& search,
                           ObsGroupRows& rows);
  void (*search_free)(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows);
  void (*search_w2)(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows);
  void (*search_w3)(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows);
  void (*search_w4)(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows);
  void (*search_w8)(const ObsGroup& group, const MultiplierSearch& search, ObsGroupRows& rows);
  // Prunes to 2:4 by saliency without rounding: `levels` takes the survivors' values.
  void (*prune_sparsegpt)(const ObsGroup& group, const MultiplierSearch& search,
                          ObsGroupRows& rows);
  // Chooses levels and multiplier anew, four by four columns, where that lowers the row's error
  // (w - q)^T H (w - q). h: [32][32], the group's block of H, zeros past the matrix. The factors
  // change the present multiplier; one of them should be 1.
  void (*refine_24)(const float* h, const MultiplierSearch& search, RefineGroupRows& rows);
  void (*refine_free)(const float* h, const MultiplierSearch& search, RefineGroupRows& rows);
};

// The kernels of the best instruction set of this CPU.
const RowKernels& BestRowKernels();

// One table per instruction set; null where this build or this CPU lacks it.
const RowKernels* BaselineRowKernels();
const RowKernels* Avx2RowKernels();
const RowKernels* Avx512RowKernels();

}  // namespace accllm
