// What the models say of a machine and a model: the content of `accllm report`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command_line.h"
#include "estimated_machine.h"
#include "model_source.h"
#include "pass_mix.h"
#include "report_baselines.h"

namespace accllm::cli {

struct ReportFlags {
  ShapeFlags shape;
  std::string linear;  // of a shape; empty: 2:4
  std::string cache_bits = "4";
  std::string target = "u280";
  RunFlags run;
  int64_t position = 2048;
  int64_t prefill = 2048;
  std::vector<std::string> passes;  // a mix of them
  int64_t generated = 0;            // tokens that came out of it; 0: all
  std::string page;
  std::string trace;
  int64_t trace_tokens = 1;
  bool json = false;
};

struct Estimates {
  EstimatedMachine machine;
  // Of 1, 2, ... tokens at the position; with a window of one token at position 1,000,000 too.
  std::vector<accel::PassEstimate> passes;
  int64_t prefill_tokens = 0;
  double prefill_seconds = 0;
  accel::EnergyReport chip;  // one token a pass
  accel::EnergyReport card;
  std::optional<PassMixEstimate> mix;
  std::vector<BaselineEstimate> baselines;
  std::optional<accel::FpgaPart> part;  // if the target names one

  double decode_tokens_per_second() const { return 1 / passes[0].seconds; }
  double prefill_tokens_per_second() const {
    return static_cast<double>(prefill_tokens) / prefill_seconds;
  }
};

// The machine that the flags describe. Errors: those of flags, files and passes.
Result<EstimatedMachine> MachineOf(const ReportFlags& flags, const MachineCosts& costs);

Result<Estimates> Estimate(const ReportFlags& flags);

// The command that gives the same report again, with `options` in place of those of `replaced`.
std::string ReportCommand(const CommandLine& command, std::vector<std::string_view> replaced = {},
                          std::string_view options = "");

// The same machine with one thing changed, one token a pass.
struct Variant {
  std::string change;
  std::string command;
  std::string refusal;  // why it does not fit the target; empty: it does
  double tokens_per_second = 0;
  double tokens_per_joule = 0;  // of the chip, nominal
  double hbm_bytes = 0;         // a token
  double hbm_share = 0;
  double products = 0;  // a token
};

// What each ingredient of the method buys. Errors: those of Estimate, kInterrupted.
Result<std::vector<Variant>> EstimateVariants(const ReportFlags& flags, const CommandLine& command);

}  // namespace accllm::cli
