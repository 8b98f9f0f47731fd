#include "linalg/linalg.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "base/parallel_tasks.h"

namespace accllm {
namespace {

constexpr int64_t kTile = 256;        // rows and columns of one task
constexpr int64_t kFewTasks = 8;      // fewer than these get smaller tiles
constexpr int64_t kManyTasks = 32;    // more are not made on purpose
constexpr double kMaxDamping = 1.0;   // more would drown the statistics
constexpr double kMinDamping = 1e-6;  // first try after an undamped matrix failed

// BLAS's own threads would split a product by their number and so change the rounding.
void UseOneBlasThread() {
  static const bool done = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

int64_t TilesOf(int64_t size) { return (size + kTile - 1) / kTile; }
int64_t TileWidth(int64_t size, int64_t tile) { return std::min(kTile, size - tile * kTile); }
blasint Int(int64_t value) { return static_cast<blasint>(value); }

// In place: the lower triangle of a[n, n] (row stride `stride`) becomes its Cholesky factor.
bool FactorTile(double* a, int64_t n, int64_t stride) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double sum = a[i * stride + j];
      for (int64_t k = 0; k < j; ++k) sum -= a[i * stride + k] * a[j * stride + k];
      if (i == j) {
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        a[i * stride + i] = std::sqrt(sum);
      } else {
        a[i * stride + j] = sum / a[j * stride + j];
      }
    }
  }
  return true;
}

// Left-looking tiled Cholesky of the lower triangle of a[size, size]; false if not positive
// definite.
bool Factor(std::vector<double>& a, int64_t size, ThreadPool& pool) {
  const int64_t n_tiles = TilesOf(size);
  for (int64_t k = 0; k < n_tiles; ++k) {
    const int64_t width = TileWidth(size, k);
    const double* row_k = &a[static_cast<size_t>(k * kTile * size)];
    ForEachTask(pool, n_tiles - k, [&](int64_t task, int) {
      const int64_t i = k + task;
      double* row_i = &a[static_cast<size_t>(i * kTile * size)];
      if (k == 0) return;
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, Int(TileWidth(size, i)), Int(width),
                  Int(k * kTile), -1.0, row_i, Int(size), row_k, Int(size), 1.0, row_i + k * kTile,
                  Int(size));
    });
    double* diagonal = &a[static_cast<size_t>(k * kTile * (size + 1))];
    if (!FactorTile(diagonal, width, size)) return false;
    ForEachTask(pool, n_tiles - k - 1, [&](int64_t task, int) {
      const int64_t i = k + 1 + task;
      cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit,
                  Int(TileWidth(size, i)), Int(width), 1.0, diagonal, Int(size),
                  &a[static_cast<size_t>(i * kTile * size + k * kTile)], Int(size));
    });
  }
  return true;
}

// Tile column `j` of the inverse of the lower triangular l[size, size], from its diagonal down:
// x[size - j * kTile, width].
void InvertTileColumn(const std::vector<double>& l, int64_t size, int64_t j,
                      std::vector<double>& x) {
  const int64_t width = TileWidth(size, j);
  x.assign(static_cast<size_t>((size - j * kTile) * width), 0.0);
  for (int64_t i = j; i < TilesOf(size); ++i) {
    const int64_t height = TileWidth(size, i);
    const double* row = &l[static_cast<size_t>(i * kTile * size)];
    double* out = &x[static_cast<size_t>((i - j) * kTile * width)];
    if (i == j) {
      for (int64_t d = 0; d < width; ++d) out[d * width + d] = 1.0;
    } else {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, Int(height), Int(width),
                  Int((i - j) * kTile), -1.0, row + j * kTile, Int(size), x.data(), Int(width), 0.0,
                  out, Int(width));
    }
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, Int(height),
                Int(width), 1.0, row + i * kTile, Int(size), out, Int(width));
  }
}

// With P the reversal of order and P (H + d I) P = L L^T, the wanted factor is P L^-1 P.
std::vector<float> ReversedInverse(const std::vector<double>& l, int64_t size, ThreadPool& pool) {
  std::vector<float> upper(static_cast<size_t>(size * size), 0.0F);
  std::vector<std::vector<double>> columns(static_cast<size_t>(pool.n_threads()));
  ForEachTask(pool, TilesOf(size), [&](int64_t j, int thread) {
    std::vector<double>& x = columns[static_cast<size_t>(thread)];
    InvertTileColumn(l, size, j, x);
    const int64_t first = j * kTile;
    const int64_t width = TileWidth(size, j);
    for (int64_t i = first; i < size; ++i) {
      float* out = &upper[static_cast<size_t>((size - 1 - i) * size)];
      const double* in = &x[static_cast<size_t>((i - first) * width)];
      const int64_t n = std::min(width, i - first + 1);
      for (int64_t c = 0; c < n; ++c) out[size - 1 - first - c] = static_cast<float>(in[c]);
    }
  });
  return upper;
}

// The lower triangle of P (h + added I) P in double.
void LoadReversed(std::span<const float> h, int64_t size, double added, std::vector<double>& a,
                  ThreadPool& pool) {
  pool.ParallelFor(size, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const float* row = &h[static_cast<size_t>((size - 1 - i) * size)];
      double* out = &a[static_cast<size_t>(i * size)];
      for (int64_t j = 0; j <= i; ++j) out[j] = static_cast<double>(row[size - 1 - j]);
      out[i] += added;
    }
  });
}

bool AllFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// Mean of the diagonal; 1 for a matrix that is zero, so that damping makes it definite.
double MeanDiagonal(std::span<const float> h, int64_t size) {
  double trace = 0;
  for (size_t i = 0; i < h.size(); i += static_cast<size_t>(size + 1)) {
    trace += static_cast<double>(h[i]);
  }
  return trace > 0 ? trace / static_cast<double>(size) : 1.0;
}

Result<InverseFactor> FactorWithGrowingDamping(std::span<const float> h, int64_t size,
                                               double damping, std::string_view name,
                                               ThreadPool& pool) {
  if (!AllFinite(h)) {
    return Fail(ErrorCode::kNumeric,
                fmt::format("{}: the activations' second moment is not finite", name),
                "check that the checkpoint's weights are sound");
  }
  const double mean = MeanDiagonal(h, size);
  std::vector<double> a(static_cast<size_t>(size * size));
  while (true) {
    LoadReversed(h, size, damping * mean, a, pool);
    if (Factor(a, size, pool)) return InverseFactor{ReversedInverse(a, size, pool), damping};
    if (damping >= kMaxDamping) break;
    damping = std::clamp(damping * 10, kMinDamping, kMaxDamping);
  }
  return Fail(ErrorCode::kNumeric,
              fmt::format("{}: the activations' second moment is not positive definite", name),
              "use more calibration text");
}

// out[m, n] = a[m, k] * b; the right factor is [k, n], or [n, k] if `transpose` says so. Tiles of
// the shape alone, so that a result is the same for every number of threads.
void MultiplyTiles(std::span<const float> a, std::span<const float> b, CBLAS_TRANSPOSE transpose,
                   int64_t m, int64_t k, int64_t n, std::span<float> out, ThreadPool& pool) {
  if (m == 0 || n == 0) return;
  UseOneBlasThread();
  const bool is_transposed = transpose == CblasTrans;
  // Whole rows are the fastest, if there are enough of them.
  const int64_t n_parts = std::min(TilesOf(n), (kManyTasks + TilesOf(m) - 1) / TilesOf(m));
  const int64_t width = (TilesOf(n) + n_parts - 1) / n_parts * kTile;
  const int64_t n_tiles = (n + width - 1) / width;
  ForEachTask(pool, TilesOf(m) * n_tiles, [&](int64_t task, int) {
    const int64_t row = task / n_tiles * kTile;
    const int64_t col = task % n_tiles * width;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose, Int(std::min(kTile, m - row)),
                Int(std::min(width, n - col)), Int(k), 1.0F, a.data() + row * k, Int(k),
                b.data() + (is_transposed ? col * k : col), Int(is_transposed ? k : n), 0.0F,
                out.data() + row * n + col, Int(n));
  });
}

}  // namespace

Result<InverseFactor> InverseCholeskyUpper(std::span<const float> h, int64_t size, double damping,
                                           std::string_view name, ThreadPool& pool) {
  if (size <= 0 || h.size() != static_cast<size_t>(size) * static_cast<size_t>(size)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: second moment of {} values is not [{}, {}]", name, h.size(), size, size));
  }
  if (!(damping >= 0) || !(damping <= kMaxDamping)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: damping {} is not in [0, 1]", name, damping));
  }
  UseOneBlasThread();
  try {
    return FactorWithGrowingDamping(h, size, damping, name, pool);
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kOutOfMemory,
                fmt::format("{}: no memory to factor a [{}, {}] matrix", name, size, size),
                "compress on a machine with more memory");
  }
}

void Multiply(std::span<const float> a, std::span<const float> b, int64_t m, int64_t k, int64_t n,
              std::span<float> out, ThreadPool& pool) {
  MultiplyTiles(a, b, CblasNoTrans, m, k, n, out, pool);
}

std::vector<float> Multiply(std::span<const float> a, std::span<const float> b, int64_t m,
                            int64_t k, int64_t n, ThreadPool& pool) {
  std::vector<float> out(static_cast<size_t>(m * n));
  Multiply(a, b, m, k, n, out, pool);
  return out;
}

void MultiplyTransposed(std::span<const float> a, std::span<const float> b, int64_t m, int64_t k,
                        int64_t n, std::span<float> out, ThreadPool& pool) {
  MultiplyTiles(a, b, CblasTrans, m, k, n, out, pool);
}

void AddTransposedProduct(std::span<const float> a, std::span<const float> b, int64_t k, int64_t m,
                          int64_t n, bool lower_only, std::span<float> out, ThreadPool& pool) {
  UseOneBlasThread();
  // Of the shape alone, so that a result is the same for every number of threads.
  const int64_t tile = TilesOf(m) * TilesOf(n) < kFewTasks ? kTile / 2 : kTile;
  const int64_t n_tiles = (n + tile - 1) / tile;
  ForEachTask(pool, (m + tile - 1) / tile * n_tiles, [&](int64_t task, int) {
    const int64_t row = task / n_tiles * tile;
    const int64_t col = task % n_tiles * tile;
    if (lower_only && col > row) return;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, Int(std::min(tile, m - row)),
                Int(std::min(tile, n - col)), Int(k), 1.0F, a.data() + row, Int(m), b.data() + col,
                Int(n), 1.0F, out.data() + row * n + col, Int(n));
  });
}

void MultiplyByInverse(const InverseFactor& factor, int64_t size, std::span<float> rows,
                       ThreadPool& pool) {
  UseOneBlasThread();
  const int64_t n_rows = static_cast<int64_t>(rows.size()) / size;
  ForEachTask(pool, TilesOf(n_rows), [&](int64_t tile, int) {
    float* block = rows.data() + tile * kTile * size;
    for (const CBLAS_TRANSPOSE transpose : {CblasTrans, CblasNoTrans}) {
      cblas_strmm(CblasRowMajor, CblasRight, CblasUpper, transpose, CblasNonUnit,
                  Int(TileWidth(n_rows, tile)), Int(size), 1.0F, factor.upper.data(), Int(size),
                  block, Int(size));
    }
  });
}

}  // namespace accllm
