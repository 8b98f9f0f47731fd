// A growing list of KV4 vectors: the history of the integer reference, where the engine has a ring.
#pragma once

#include <vector>

#include "kernels/kv4/kv4.h"

namespace accllm::kernels {

class KvList {
 public:
  explicit KvList(int64_t head_dim) : head_dim_(head_dim) {}

  // x: [head_dim].
  void Append(const float* x);

  // Valid until the next Append.
  KvRows rows() const { return {codes_.data(), scales_.data(), groups_.data(), n_slots()}; }

 private:
  int64_t n_slots() const { return static_cast<int64_t>(scales_.size()); }

  int64_t head_dim_;
  std::vector<uint8_t> codes_;    // [n_slots, padded_dim / 2] packed int4
  std::vector<uint16_t> scales_;  // [n_slots] binary16
  std::vector<uint8_t> groups_;   // [padded_dim / 32, n_slots]
};

}  // namespace accllm::kernels
