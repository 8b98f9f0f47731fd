// A sweep as an SVG file: speed and energy over area.
#pragma once

#include <string>
#include <vector>

#include "design_sweep.h"

namespace accllm::cli {

// Points that fit; those of the front are filled, tokens a pass have colours. `title` is plain
// text.
std::string SweepPlot(const std::string& title, const std::vector<DesignPoint>& points);

// "32 lanes, 4 tokens a pass, 225 MHz, window 2044, w2-2:4"
std::string NameOfDesign(const DesignChoice& choice);

}  // namespace accllm::cli
