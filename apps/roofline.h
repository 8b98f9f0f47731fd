// A roofline chart: what a machine reaches between the peak of its lanes and that of its memory.
#pragma once

#include <string>
#include <vector>

namespace accllm::cli {

struct RooflinePoint {
  std::string name;
  double products_per_byte = 0;
  double products_per_second = 0;
};

struct Roofline {
  double peak_bytes = 0;        // a second
  double sequential_bytes = 0;  // that the memory gives at most to one who reads in order
  struct Ceiling {
    std::string name;
    double products_per_second = 0;
  };
  std::vector<Ceiling> ceilings;  // the first is the machine's, those after it are of modes
  std::vector<RooflinePoint> points;
};

// Both axes are logarithmic; points carry their number, from 1 on.
std::string RooflineSvg(const Roofline& roofline);

}  // namespace accllm::cli
