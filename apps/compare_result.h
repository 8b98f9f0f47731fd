// What a comparison of recipes knows of each of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "console.h"

namespace accllm::cli {

// How a model predicts the text at one precision.
struct Measurement {
  double perplexity = 0;
  double kl = 0;              // against the float checkpoint, nats a token
  double top1_agreement = 0;  // with it, 0..1
  double seconds = 0;
};

// Precisions of Measurement, as `accllm eval --precision` names them.
inline constexpr std::string_view kWeightsOnly = "w";
inline constexpr std::string_view kWholeEngine = "wa8kv4";

// Of one recipe, or of the float checkpoint itself (which has no layers and no recipe).
struct RecipeResult {
  std::string name;
  std::string summary;
  std::string fingerprint;  // everything the result depends on
  int64_t file_bytes = 0;
  double bits_per_linear_weight = 0;
  double seconds = 0;                               // of the compression
  int64_t masks_kept = 0;                           // matrices that were 2:4 sparse already
  std::map<std::string, double> relative_errors;    // by tensor
  std::map<std::string, Measurement> measurements;  // by precision
  std::optional<std::string> sample;                // greedy continuation of the prompt

  const Measurement* Find(std::string_view precision) const {
    const auto found = measurements.find(std::string(precision));
    return found == measurements.end() ? nullptr : &found->second;
  }

  Json ToJson() const;
  // Errors: kCorrupt, naming the field; `path` is for messages.
  static Result<RecipeResult> FromJson(std::string_view text, const std::string& path);
};

struct Comparison {
  std::string checkpoint;
  std::string calibration;
  std::string text;
  int64_t predicted_tokens = 0;
  int64_t window_tokens = 0;
  int64_t n_layers = 0;
  std::string prompt;
  RecipeResult reference;             // the float checkpoint
  std::vector<RecipeResult> recipes;  // in the order asked for

  Json ToJson() const;
  std::string ToText() const;  // a table for the terminal
};

}  // namespace accllm::cli
