// Which of many choices are worth having: those that no other beats in everything.
#pragma once

#include <vector>

namespace accllm::cli {

// `qualities[i]` are those of choice i, the same in number and order for all, larger is better.
// True for each choice that no other equals in all and betters in one; equal ones are all kept.
std::vector<bool> ParetoFront(const std::vector<std::vector<double>>& qualities);

}  // namespace accllm::cli
