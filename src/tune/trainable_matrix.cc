#include "tune/trainable_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/block_codec.h"
#include "tune/mean_magnitude.h"

namespace accllm::tune {
namespace {

using format::TensorType;

// Between the levels 1 and 2.
constexpr float kLevelBoundary = 1.5F;

// The level of a survivor.
int8_t Level24(float latent) {
  const int magnitude = std::abs(latent) < kLevelBoundary ? 1 : 2;
  return static_cast<int8_t>(latent < 0 ? -magnitude : magnitude);
}

// How much less the squared error is when this weight survives: w^2 - (w - level)^2.
float Gain24(float latent) {
  const auto level = static_cast<float>(Level24(latent));
  return level * (2.0F * latent - level);
}

int8_t DenseLevel(float latent, const DenseLevels& levels) {
  const auto max = static_cast<float>(levels.max);
  const float nearest =
      levels.odd_only ? 2.0F * std::floor(latent / 2.0F) + 1.0F : std::nearbyint(latent);
  return static_cast<int8_t>(std::clamp(nearest, -max, max));
}

}  // namespace

void RoundFour(const float* latent, const int8_t* mask, int8_t* levels) {
  std::array<float, 4> gain = {};
  for (size_t i = 0; i < 4; ++i) {
    gain[i] = mask != nullptr && mask[i] == 0 ? -std::numeric_limits<float>::infinity()
                                              : Gain24(latent[i]);
  }
  const auto first = static_cast<size_t>(std::max_element(gain.begin(), gain.end()) - gain.begin());
  size_t second = first == 0 ? 1 : 0;
  for (size_t i = 0; i < 4; ++i) {
    if (i != first && gain[i] > gain[second]) second = i;
  }
  for (size_t i = 0; i < 4; ++i) levels[i] = i == first || i == second ? Level24(latent[i]) : 0;
}

TrainableMatrix::TrainableMatrix(QuantizedMatrix start, bool keep_mask, Trained trained)
    : trained_(trained),
      quantized_(std::move(start)),
      nearest_code_(quantized_.codebook),
      codes_(has_table() ? quantized_.levels.size() / 4 : 0),
      keep_mask_(keep_mask),
      mean_level_(MeanMagnitude(quantized_.levels)),
      latent_(quantized_.levels.begin(),
              trains_levels() ? quantized_.levels.end() : quantized_.levels.begin()),
      scales_(quantized_),
      table_(has_table() ? format::kCodebookBytes : 0),
      latent_adam_(latent_.size()),
      table_adam_(table_.size()) {
  if (!has_table()) return;
  auto entry = table_.begin();
  for (const auto& levels : quantized_.codebook.levels) {
    entry = std::copy(levels.begin(), levels.end(), entry);
  }
  for (size_t i = 0; i < codes_.size(); ++i) codes_[i] = nearest_code_(&latent_[4 * i]);
}

void TrainableMatrix::Close() {
  if (trains_levels()) return;
  if (packed_.empty()) packed_ = *PackMatrix(quantized_);
  quantized_.levels = {};
}

void TrainableMatrix::Open(ThreadPool& pool) {
  if (!is_closed()) return;
  quantized_ = *UnpackMatrix(quantized_.type, quantized_.rows, quantized_.cols, packed_);
  Round(pool);
}

void TrainableMatrix::RoundTable() {
  constexpr auto kMax = static_cast<float>(format::kCodebookMax);
  const float* entry = table_.data();
  for (auto& levels : quantized_.codebook.levels) {
    for (int8_t& level : levels) {
      level = static_cast<int8_t>(std::clamp(std::nearbyint(*entry++), -kMax, kMax));
    }
  }
  nearest_code_ = NearestCode(quantized_.codebook);
}

void TrainableMatrix::RoundRow(int64_t row) {
  if (trains_levels()) RoundLevels(row);
  scales_.RoundRow(quantized_, row);
}

void TrainableMatrix::RoundLevels(int64_t row) {
  const QuantizedMatrix& q = quantized_;
  const float* latent = latent_.data() + row * q.level_cols();
  int8_t* levels = quantized_.levels.data() + row * q.level_cols();
  for (int64_t c = 0; c < q.level_cols(); c += 4) {
    if (q.type == TensorType::kW2S24) {
      std::array<int8_t, 4> mask = {};
      std::copy_n(levels + c, 4, mask.begin());
      RoundFour(latent + c, keep_mask_ ? mask.data() : nullptr, levels + c);
      continue;
    }
    if (q.type == TensorType::kW2Free) {
      uint8_t& code = codes_[static_cast<size_t>((row * q.level_cols() + c) / 4)];
      code = nearest_code_(latent + c);
      const std::array<int8_t, 4> four = q.codebook.Decode(code);
      std::copy(four.begin(), four.end(), levels + c);
      continue;
    }
    for (int64_t i = c; i < std::min(c + 4, q.cols); ++i) {
      levels[i] = DenseLevel(latent[i], DenseLevelsOf(q.type));
    }
  }
}

void TrainableMatrix::Round(ThreadPool& pool) {
  if (has_table()) RoundTable();
  pool.ParallelFor(quantized_.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) RoundRow(row);
  });
}

// [rows, level_cols] with respect to weights in units of their step.
std::vector<float> TrainableMatrix::LatentGradient(std::span<const float> dw,
                                                   ThreadPool& pool) const {
  const QuantizedMatrix& q = quantized_;
  std::vector<float> gradient(latent_.size(), 0.0F);
  pool.ParallelFor(q.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < q.cols; ++c) {
        const auto group = static_cast<size_t>(r * q.n_groups() + c / format::kGroupWeights);
        gradient[static_cast<size_t>(r * q.level_cols() + c)] =
            dw[static_cast<size_t>(r * q.cols + c)] *
            (static_cast<float>(q.multipliers[group]) * q.row_scales[static_cast<size_t>(r)]);
      }
    }
  });
  return gradient;
}

// An entry has the sum of the gradients of all levels that it gives.
std::vector<float> TrainableMatrix::TableGradient(const std::vector<float>& latent,
                                                  ThreadPool& pool) const {
  std::vector<float> gradient(table_.size(), 0.0F);
  pool.ParallelFor(4, [&](int64_t begin, int64_t end, int) {
    for (auto j = static_cast<size_t>(begin); j < static_cast<size_t>(end); ++j) {
      float* entries = gradient.data() + j * format::kCodes;
      for (size_t i = 0; i < codes_.size(); ++i) entries[codes_[i]] += latent[4 * i + j];
    }
  });
  return gradient;
}

void TrainableMatrix::Step(std::span<const float> dw, const LearningRates& rates, int64_t step,
                           ThreadPool& pool) {
  if (trains_levels()) {
    const std::vector<float> gradient = LatentGradient(dw, pool);
    latent_adam_.Step(gradient, rates.levels * mean_level_, step, latent_, pool);
    if (has_table()) {
      table_adam_.Step(TableGradient(gradient, pool), rates.tables * mean_level_, step, table_,
                       pool);
    }
  }
  scales_.Step(dw, rates.scales, step, quantized_, pool);
  Round(pool);
}

std::vector<std::vector<float>*> TrainableMatrix::State() {
  std::vector<std::vector<float>*> arrays = {&latent_, &table_};
  for (Adam* adam : {&latent_adam_, &table_adam_}) {
    arrays.push_back(&adam->mean());
    arrays.push_back(&adam->variance());
  }
  const auto scales = scales_.State();
  arrays.insert(arrays.end(), scales.begin(), scales.end());
  return arrays;
}

}  // namespace accllm::tune
