// Other accelerators as their authors publish them: spec/accelerator/published.toml.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace accllm::accel {

struct PublishedDesign {
  std::string name;
  std::string baseline;  // the file that has its figures; empty: this one has
  std::string platform;
  std::string model;
  std::string precision;  // empty: not said
  std::string method;     // how its speed was found: "board", "cycle simulator ..."
  std::string source;
  std::string note;  // what else there is to say; may be empty
  bool is_second_hand = false;
  double tokens_per_s = 0;
  std::optional<double> watts;
  std::optional<double> tokens_per_joule;
  std::optional<double> luts;
  std::optional<double> dsps;
};

// In the order of the file. Figures of designs with a baseline are left at 0. `path` is for
// messages. Errors: kNotFound and kCorrupt, naming file and field.
Result<std::vector<PublishedDesign>> ParsePublishedDesigns(std::string_view text,
                                                           const std::string& path);

// The bundled file, and the figures of its baselines.
Result<std::vector<PublishedDesign>> BundledPublishedDesigns();

}  // namespace accllm::accel
