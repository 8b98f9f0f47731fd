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

TrainableMatrix::TrainableMatrix(QuantizedMatrix start, bool keep_mask)
    : quantized_(std::move(start)),
      nearest_code_(quantized_.codebook),
      codes_(has_table() ? quantized_.levels.size() / 4 : 0),
      keep_mask_(keep_mask),
      mean_level_(MeanMagnitude(quantized_.levels)),
      max_multiplier_(MaxMultiplier(quantized_.type, quantized_.cols)),
      latent_(quantized_.levels.begin(), quantized_.levels.end()),
      log_multipliers_(quantized_.multipliers.size()),
      log_row_scales_(quantized_.row_scales.size()),
      table_(has_table() ? format::kCodebookBytes : 0),
      latent_adam_(latent_.size()),
      multiplier_adam_(log_multipliers_.size()),
      row_scale_adam_(log_row_scales_.size()),
      table_adam_(table_.size()) {
  const auto log_of = [](auto value) { return std::log(static_cast<float>(value)); };
  std::transform(quantized_.multipliers.begin(), quantized_.multipliers.end(),
                 log_multipliers_.begin(), log_of);
  std::transform(quantized_.row_scales.begin(), quantized_.row_scales.end(),
                 log_row_scales_.begin(), log_of);
  if (!has_table()) return;
  auto entry = table_.begin();
  for (const auto& levels : quantized_.codebook.levels) {
    entry = std::copy(levels.begin(), levels.end(), entry);
  }
  for (size_t i = 0; i < codes_.size(); ++i) codes_[i] = nearest_code_(&latent_[4 * i]);
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
  for (int64_t g = 0; g < q.n_groups(); ++g) {
    const auto at = static_cast<size_t>(row * q.n_groups() + g);
    if (q.multipliers[at] == 0) continue;
    const float value = std::nearbyint(std::exp(log_multipliers_[at]));
    quantized_.multipliers[at] =
        static_cast<uint8_t>(std::clamp(value, 1.0F, static_cast<float>(max_multiplier_)));
  }
  quantized_.row_scales[static_cast<size_t>(row)] =
      NearestRowScale(std::exp(log_row_scales_[static_cast<size_t>(row)]));
}

void TrainableMatrix::Round(ThreadPool& pool) {
  if (has_table()) RoundTable();
  pool.ParallelFor(quantized_.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) RoundRow(row);
  });
}

void TrainableMatrix::Write(std::span<float> w, ThreadPool& pool) const {
  const QuantizedMatrix& q = quantized_;
  pool.ParallelFor(q.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const int8_t* levels = q.levels.data() + r * q.level_cols();
      float* out = w.data() + r * q.cols;
      for (int64_t c = 0; c < q.cols; ++c) {
        const auto group = static_cast<size_t>(r * q.n_groups() + c / format::kGroupWeights);
        out[c] = static_cast<float>(levels[c] * q.multipliers[group]) *
                 q.row_scales[static_cast<size_t>(r)];
      }
    }
  });
}

TrainableMatrix::Gradients TrainableMatrix::Split(std::span<const float> dw,
                                                  ThreadPool& pool) const {
  const QuantizedMatrix& q = quantized_;
  Gradients d = {std::vector<float>(latent_.size(), 0.0F),
                 std::vector<float>(log_multipliers_.size(), 0.0F),
                 std::vector<float>(log_row_scales_.size(), 0.0F),
                 {}};
  pool.ParallelFor(q.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t g = 0; g < q.n_groups(); ++g) {
        const auto group = static_cast<size_t>(r * q.n_groups() + g);
        const float step =
            static_cast<float>(q.multipliers[group]) * q.row_scales[static_cast<size_t>(r)];
        const int64_t first = g * format::kGroupWeights;
        for (int64_t c = first; c < std::min(q.cols, first + format::kGroupWeights); ++c) {
          const float slope = dw[static_cast<size_t>(r * q.cols + c)] * step;
          const auto at = static_cast<size_t>(r * q.level_cols() + c);
          d.latent[at] = slope;
          d.log_multipliers[group] += slope * static_cast<float>(q.levels[at]);
        }
        d.log_row_scales[static_cast<size_t>(r)] += d.log_multipliers[group];
      }
    }
  });
  if (has_table()) d.table = TableGradient(d.latent, pool);
  return d;
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
  const Gradients d = Split(dw, pool);
  latent_adam_.Step(d.latent, rates.levels * mean_level_, step, latent_, pool);
  multiplier_adam_.Step(d.log_multipliers, rates.scales, step, log_multipliers_, pool);
  row_scale_adam_.Step(d.log_row_scales, rates.scales, step, log_row_scales_, pool);
  table_adam_.Step(d.table, rates.tables * mean_level_, step, table_, pool);
  Round(pool);
}

std::vector<std::vector<float>*> TrainableMatrix::State() {
  std::vector<std::vector<float>*> arrays = {&latent_, &log_multipliers_, &log_row_scales_,
                                             &table_};
  for (Adam* adam : {&latent_adam_, &multiplier_adam_, &row_scale_adam_, &table_adam_}) {
    arrays.push_back(&adam->mean());
    arrays.push_back(&adam->variance());
  }
  return arrays;
}

}  // namespace accllm::tune
