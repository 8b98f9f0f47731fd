#include "base/rope_scaling.h"

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace accllm {
namespace {

// Far beyond any published stretch, and small enough for every product below to stay finite.
constexpr double kMaxFactor = 1e6;
constexpr double kMaxContext = 1e12;

// A number in (0, max].
Result<double> Positive(const JsonObject& fields, std::string_view key, double max) {
  ACCLLM_ASSIGN_OR_RETURN(const double value, fields.Number(key));
  if (value > 0 && value <= max) return value;
  return Fail(ErrorCode::kCorrupt,
              fmt::format("{} is {}, must lie in (0, {}]", fields.Where(key), value, max));
}

Result<std::vector<double>> Llama3Factors(const JsonObject& scaling, int64_t head_dim,
                                          double theta) {
  ACCLLM_ASSIGN_OR_RETURN(const double factor, Positive(scaling, "factor", kMaxFactor));
  ACCLLM_ASSIGN_OR_RETURN(const double low, Positive(scaling, "low_freq_factor", kMaxFactor));
  ACCLLM_ASSIGN_OR_RETURN(const double high, Positive(scaling, "high_freq_factor", kMaxFactor));
  ACCLLM_ASSIGN_OR_RETURN(const double context,
                          Positive(scaling, "original_max_position_embeddings", kMaxContext));
  if (high <= low) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{} is {}, must be more than low_freq_factor {}",
                                                 scaling.Where("high_freq_factor"), high, low));
  }
  std::vector<double> factors;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double frequency =
        std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    const double turns = context * frequency / (2.0 * std::numbers::pi);  // within the old context
    const double ramp = std::clamp((turns - low) / (high - low), 0.0, 1.0);
    factors.push_back(1.0 / ((1.0 - ramp) / factor + ramp));
  }
  return factors;
}

}  // namespace

Result<std::vector<double>> RopeFactorsFromFields(const JsonObject& scaling, int64_t head_dim,
                                                  double theta) {
  const char* key = scaling.Has("rope_type") ? "rope_type" : "type";  // the older name
  ACCLLM_ASSIGN_OR_RETURN(const std::string type, scaling.String(key));
  if (type == "default") return std::vector<double>();
  if (type == "linear") {
    ACCLLM_ASSIGN_OR_RETURN(const double factor, Positive(scaling, "factor", kMaxFactor));
    return std::vector<double>(static_cast<size_t>(head_dim / 2), factor);
  }
  if (type == "llama3") return Llama3Factors(scaling, head_dim, theta);
  return Fail(ErrorCode::kUnsupported, fmt::format("{} is \"{}\"", scaling.Where(key), type),
              "supported are default, linear and llama3");
}

}  // namespace accllm
