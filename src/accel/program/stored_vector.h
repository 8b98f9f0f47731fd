// Float vectors in the accelerator's memory (spec/accelerator.toml), to and from plain order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accllm::accel {

// The bytes of whole stripes.
std::vector<uint8_t> StoreVector(std::span<const float> values, int64_t lanes);
std::vector<uint8_t> StoreNarrowVector(std::span<const float> values, int64_t lanes);

// `bytes`: from the vector's first stripe on.
void LoadVector(const uint8_t* bytes, int64_t lanes, std::span<float> values);
void LoadNarrowVector(const uint8_t* bytes, int64_t lanes, std::span<float> values);

}  // namespace accllm::accel
