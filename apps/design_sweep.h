// Many machines for one model, estimated on several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "estimated_machine.h"
#include "model_source.h"

namespace accllm::cli {

// What makes a machine, and what it runs.
struct DesignChoice {
  int64_t lanes = 0;
  int64_t slots = 0;
  double clock_mhz = 0;
  std::string window;  // a number or "all"
  std::string linear;  // type of a shape's linear layers; empty: as the file has them

  // Machines that give the same tokens may be compared: those of one window and format.
  bool GivesTokensOf(const DesignChoice& other) const {
    return window == other.window && linear == other.linear;
  }
};

struct DesignPoint {
  DesignChoice choice;
  std::string refusal;  // why it does not fit; empty: it does
  bool is_on_front = false;
  accel::FabricUse area;
  double counted_lut_share = 0;          // by synthesis, of all LUTs; the rest is by hand
  double tokens_per_second = 0;          // one token a pass
  double tokens_per_joule = 0;           // of the chip, nominal
  double prefill_tokens_per_second = 0;  // all slots used, in the middle of the prompt
  double hbm_share = 0;

  bool fits() const { return refusal.empty(); }
};

struct SweepTask {
  std::map<std::string, compiler::ModelTensors> models;  // by DesignChoice::linear
  compiler::Target target;                               // whose part and memory all have
  RunFlags run;                                          // threads
  int64_t position = 0;
  int64_t prefill = 0;
  std::vector<DesignChoice> choices;

  const std::string& model() const { return models.begin()->second.path; }
};

struct Sweep {
  std::vector<DesignPoint> points;  // those that were done, in the order of the choices
  bool is_complete = false;
};

// `on_point` is told how many points are done, by one thread at a time; returns false to stop.
// Errors: those of the models for anything but a machine that does not fit.
Result<Sweep> EstimateDesigns(const SweepTask& task,
                              const std::function<bool(int64_t n_done)>& on_point);

// Sets is_on_front of the points that fit: token/s, token/J and prefill count, DSPs and LUTs too;
// each window and format has a front of its own.
void MarkFronts(std::vector<DesignPoint>& points);

}  // namespace accllm::cli
