// The float weights of one transformer block.
#pragma once

#include <utility>
#include <vector>

#include "base/tensor_names.h"

namespace accllm {

struct FloatLayer {
  std::vector<float> input_layernorm;           // [hidden]
  std::vector<float> q_proj;                    // [q_size, hidden]
  std::vector<float> k_proj;                    // [kv_size, hidden]
  std::vector<float> v_proj;                    // [kv_size, hidden]
  std::vector<float> o_proj;                    // [hidden, q_size]
  std::vector<float> post_attention_layernorm;  // [hidden]
  std::vector<float> gate_proj;                 // [intermediate, hidden]
  std::vector<float> up_proj;                   // [intermediate, hidden]
  std::vector<float> down_proj;                 // [hidden, intermediate]

  // The weight of one linear layer, row major, ShapeOfLinear(config, kind).
  std::vector<float>& linear(LinearKind kind) {
    return const_cast<std::vector<float>&>(std::as_const(*this).linear(kind));
  }
  const std::vector<float>& linear(LinearKind kind) const {
    switch (kind) {
      case LinearKind::kQ:
        return q_proj;
      case LinearKind::kK:
        return k_proj;
      case LinearKind::kV:
        return v_proj;
      case LinearKind::kO:
        return o_proj;
      case LinearKind::kGate:
        return gate_proj;
      case LinearKind::kUp:
        return up_proj;
      case LinearKind::kDown:
        return down_proj;
    }
    return q_proj;  // not reached: the switch is complete
  }
};

}  // namespace accllm
