#include "accel/accelerated_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "accel/program/layout.h"
#include "base/index.h"

namespace accllm::accel {

int64_t Capacity(const isa::Geometry& geometry) {
  if (geometry.window > 0) return std::numeric_limits<int64_t>::max();
  return int64_t{geometry.ring_slots};
}

AcceleratedModel::AcceleratedModel(const ProgramFile& program, std::unique_ptr<Device> device)
    : config_(program.metadata().config),
      g_(program.geometry()),
      frequencies_(config_.head_dim, config_.rope_theta, config_.rope_factors),
      device_(std::move(device)),
      angles_(Index(g_.slots * RopeFloats(g_))) {}

Status AcceleratedModel::Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
  if (std::ssize(tokens) > Capacity(g_) - position_) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} tokens do not fit a context of {} that holds {}", tokens.size(),
                            Capacity(g_), position_),
                "compile the model with a larger --context, or with a --window");
  }
  while (!tokens.empty()) {
    const auto pass = tokens.first(std::min<size_t>(tokens.size(), g_.slots));
    tokens = tokens.subspan(pass.size());
    const int64_t n = std::clamp<int64_t>(n_logits - std::ssize(tokens), 0, std::ssize(pass));
    ACCLLM_RETURN_IF_ERROR(RunPass(pass, n, logits));
    logits += n * config_.vocab_size;
    n_logits -= n;
  }
  return {};
}

Status AcceleratedModel::WriteAngles(int64_t n_tokens) {
  const int64_t half = config_.head_dim / 2;
  for (int64_t token = 0; token < n_tokens; ++token) {
    const int64_t position = position_ + token;
    // See AttentionWindow: where the token would stand if sinks and window were adjacent.
    const int64_t meets_sinks =
        g_.window == 0 ? position : std::min(position, int64_t{g_.sinks} + g_.window - 1);
    float* angles = angles_.data() + token * RopeFloats(g_);
    frequencies_.AnglesAt(position, angles, angles + half);
    frequencies_.AnglesAt(meets_sinks, angles + 2 * half, angles + 3 * half);
  }
  return device_->WriteMemory(g_.rope_address, {reinterpret_cast<const uint8_t*>(angles_.data()),
                                                Index(n_tokens * RopeFloats(g_)) * sizeof(float)});
}

Status AcceleratedModel::RunPass(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  ACCLLM_RETURN_IF_ERROR(WriteAngles(std::ssize(tokens)));
  PassRegisters registers;
  registers.position = position_;
  registers.n_tokens = std::ssize(tokens);
  registers.n_outputs = n_logits;
  std::copy(tokens.begin(), tokens.end(), registers.tokens.begin());
  ACCLLM_RETURN_IF_ERROR(device_->Run(registers));
  if (on_pass_) on_pass_(registers);
  position_ += std::ssize(tokens);
  const int64_t first = std::ssize(tokens) - n_logits;
  for (int64_t i = 0; i < n_logits; ++i) {
    float* row = logits + i * config_.vocab_size;
    ACCLLM_RETURN_IF_ERROR(device_->ReadMemory(
        g_.output_address + (first + i) * OutputStripes(g_),
        {reinterpret_cast<uint8_t*>(row), Index(config_.vocab_size) * sizeof(float)}));
    if (!std::all_of(row, row + config_.vocab_size, [](float v) { return std::isfinite(v); })) {
      return Fail(ErrorCode::kNumeric,
                  fmt::format("a logit at position {} is not finite", position_ - n_logits + i));
    }
  }
  return {};
}

}  // namespace accllm::accel
