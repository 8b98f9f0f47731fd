#include "compress/codebook.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/index.h"
#include "base/split_mix64.h"
#include "compress/row_kernels.h"

namespace accllm {
namespace {

constexpr int64_t kMaxSamples = 1 << 15;
constexpr int kFreeRounds = 20;    // of real numbers
constexpr int kIntegerRounds = 5;  // of integers, after those

using Four = std::array<float, 4>;
using Centres = std::array<Four, format::kCodes>;

// Four consecutive weights in the codebook's unit, and what an error in each costs.
struct Sample {
  Four x;
  Four cost;
};

float MeanMagnitude(std::span<const float> group) {
  double sum = 0;
  for (const float w : group) sum += std::abs(static_cast<double>(w));
  return static_cast<float>(sum / static_cast<double>(group.size()));
}

// Evenly spread over the matrix. What reaches past its columns costs nothing.
std::vector<Sample> TakeSamples(const WeightMatrix& matrix, std::span<const float> h) {
  const int64_t fours_of_row = (matrix.cols + 3) / 4;
  const int64_t n_fours = matrix.rows * fours_of_row;
  const int64_t n = std::min(n_fours, kMaxSamples);
  std::vector<Sample> samples;
  samples.reserve(Index(n));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t four = i * n_fours / n;
    const int64_t row = four / fours_of_row;
    const int64_t col = four % fours_of_row * 4;
    const int64_t first = col / kGroupCols * kGroupCols;
    const auto group = matrix.weights.subspan(Index(row * matrix.cols + first),
                                              Index(std::min(kGroupCols, matrix.cols - first)));
    const float magnitude = MeanMagnitude(group);
    if (magnitude == 0) continue;
    Sample sample = {};
    for (int64_t j = 0; j < std::min<int64_t>(4, matrix.cols - col); ++j) {
      sample.x[Index(j)] = group[Index(col - first + j)] / magnitude * kFreeUnit;
      sample.cost[Index(j)] = h[Index((col + j) * matrix.cols + col + j)] * magnitude * magnitude;
    }
    samples.push_back(sample);
  }
  return samples;
}

float Cost(const Sample& sample, const Four& centre) {
  float sum = 0;
  for (size_t j = 0; j < 4; ++j) {
    const float error = sample.x[j] - centre[j];
    sum += sample.cost[j] * error * error;
  }
  return sum;
}

// k-means++: each centre a sample, chosen with a probability in proportion to its cost so far.
Centres FirstCentres(const std::vector<Sample>& samples) {
  Centres centres = {};
  std::vector<float> costs(samples.size(), std::numeric_limits<float>::max());
  uint64_t state = 1;
  size_t chosen = 0;
  for (size_t c = 0; c < centres.size(); ++c) {
    centres[c] = samples[chosen].x;
    double total = 0;
    for (size_t i = 0; i < samples.size(); ++i) {
      costs[i] = std::min(costs[i], Cost(samples[i], centres[c]));
      total += static_cast<double>(costs[i]);
    }
    double place = static_cast<double>(SplitMix64(state) >> 11) * 0x1p-53 * total;
    chosen = 0;
    while (chosen + 1 < samples.size() && place >= static_cast<double>(costs[chosen])) {
      place -= static_cast<double>(costs[chosen++]);
    }
  }
  return centres;
}

// The nearest centre of each sample.
void Assign(const std::vector<Sample>& samples, const Centres& centres, std::vector<uint8_t>& codes,
            ThreadPool& pool) {
  pool.ParallelFor(std::ssize(samples), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float least = std::numeric_limits<float>::max();
      for (size_t c = 0; c < centres.size(); ++c) {
        const float cost = Cost(samples[Index(i)], centres[c]);
        if (cost >= least) continue;
        least = cost;
        codes[Index(i)] = static_cast<uint8_t>(c);
      }
    }
  });
}

// Each centre becomes the weighted mean of its samples; one without samples stays.
void Update(const std::vector<Sample>& samples, const std::vector<uint8_t>& codes, bool to_integers,
            Centres& centres) {
  std::array<std::array<double, 4>, format::kCodes> sums = {};
  std::array<std::array<double, 4>, format::kCodes> weights = {};
  for (size_t i = 0; i < samples.size(); ++i) {
    for (size_t j = 0; j < 4; ++j) {
      const auto weight = static_cast<double>(samples[i].cost[j]);
      sums[codes[i]][j] += weight * static_cast<double>(samples[i].x[j]);
      weights[codes[i]][j] += weight;
    }
  }
  constexpr auto kMost = static_cast<float>(format::kCodebookMax);
  for (size_t c = 0; c < centres.size(); ++c) {
    for (size_t j = 0; j < 4; ++j) {
      if (weights[c][j] > 0) centres[c][j] = static_cast<float>(sums[c][j] / weights[c][j]);
      centres[c][j] = std::clamp(centres[c][j], -kMost, kMost);
      if (to_integers) centres[c][j] = std::nearbyint(centres[c][j]);
    }
  }
}

}  // namespace

Codebook LearnCodebook(const WeightMatrix& matrix, std::span<const float> h, ThreadPool& pool) {
  Codebook codebook;
  const std::vector<Sample> samples = TakeSamples(matrix, h);
  if (samples.empty()) return codebook;  // of zeros, as all the weights are
  Centres centres = FirstCentres(samples);
  std::vector<uint8_t> codes(samples.size());
  for (int round = 0; round < kFreeRounds + kIntegerRounds; ++round) {
    Assign(samples, centres, codes, pool);
    Update(samples, codes, round >= kFreeRounds, centres);
  }
  for (size_t c = 0; c < centres.size(); ++c) {
    for (size_t j = 0; j < 4; ++j) codebook.levels[j][c] = static_cast<int8_t>(centres[c][j]);
  }
  return codebook;
}

}  // namespace accllm
