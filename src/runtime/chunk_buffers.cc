#include "runtime/chunk_buffers.h"

#include <algorithm>
#include <array>

#include "base/block_codec.h"
#include "base/index.h"
#include "kernels/linear/linear.h"

namespace accllm {

Result<ChunkBuffers> ChunkBuffers::Create(const ModelConfig& c, int64_t chunk) {
  struct Part {
    std::span<float>* floats;
    int64_t n;  // a token
  };
  ChunkBuffers b;
  const int64_t half_dim = c.head_dim / 2;
  const std::array parts = {Part{&b.x, c.hidden_size},
                            Part{&b.normed, c.hidden_size},
                            Part{&b.q, c.q_size()},
                            Part{&b.k, c.kv_size()},
                            Part{&b.v, c.kv_size()},
                            Part{&b.mixed, c.q_size()},
                            Part{&b.gated, c.intermediate_size},
                            Part{&b.projected, c.hidden_size},
                            Part{&b.code_scales, 1},
                            Part{&b.cosines, half_dim},
                            Part{&b.sines, half_dim},
                            Part{&b.sink_cosines, half_dim},
                            Part{&b.sink_sines, half_dim}};
  const auto bytes_of = [chunk](const Part& part) {
    return RoundUp(chunk * part.n * int64_t{sizeof(float)}, format::kAlignment);
  };
  const int64_t widest = std::max({c.hidden_size, c.q_size(), c.intermediate_size});
  const int64_t n_blocks = RoundUp(widest, format::kBlockWeights) / format::kBlockWeights;
  const int64_t code_bytes = chunk * n_blocks * format::kBlockWeights;
  const int64_t arranged_bytes = kernels::ArrangedBytes(chunk, n_blocks);
  int64_t bytes = code_bytes + arranged_bytes;
  for (const Part& part : parts) bytes += bytes_of(part);
  ACCLLM_ASSIGN_OR_RETURN(b.memory_, HugeBuffer::Allocate(static_cast<size_t>(bytes)));
  uint8_t* at = b.memory_.data();
  b.codes = {at, Index(code_bytes)};
  at += code_bytes;
  b.arranged = {at, Index(arranged_bytes)};
  at += arranged_bytes;
  for (const Part& part : parts) {
    *part.floats = {reinterpret_cast<float*>(at), Index(chunk * part.n)};
    at += bytes_of(part);
  }
  return b;
}

}  // namespace accllm
