// What a misspelt name was probably meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace accllm::cli {

// The first of `names` with the fewest single-letter edits from `name`, a swap of neighbours
// counting as one; empty if even that takes more than a third of its letters.
std::string NearestName(std::string_view name, std::span<const std::string> names);

}  // namespace accllm::cli
