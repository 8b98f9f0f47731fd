#include "accel/accelerated_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "accel/program/layout.h"
#include "accel/program/stored_vector.h"
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
      embedding_(
          program.image().data() + BeatPlace{.stripe = g_.embedding_address}.Offset(g_.lanes),
          EmbeddingLayout(g_)),
      device_(std::move(device)) {}

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

Status AcceleratedModel::WriteEmbeddings(std::span<const int32_t> tokens) {
  std::vector<float> row(g_.hidden);
  int64_t stripe = g_.input_address;
  for (const int32_t token : tokens) {
    embedding_.ReadFloats(token, g_.hidden, row.data());
    ACCLLM_RETURN_IF_ERROR(device_->WriteMemory(stripe, StoreVector(row, g_.lanes)));
    stripe += InputStripes(g_);
  }
  return {};
}

Status AcceleratedModel::WriteAngles(int64_t n_tokens) {
  const int64_t half = config_.head_dim / 2;
  std::vector<float> angles(Index(RopeFloats(g_)));
  for (int64_t token = 0; token < n_tokens; ++token) {
    const int64_t position = position_ + token;
    // See AttentionWindow: where the token would stand if sinks and window were adjacent.
    const int64_t meets_sinks =
        g_.window == 0 ? position : std::min(position, int64_t{g_.sinks} + g_.window - 1);
    frequencies_.AnglesAt(position, angles.data(), &angles[Index(half)]);
    frequencies_.AnglesAt(meets_sinks, &angles[Index(2 * half)], &angles[Index(3 * half)]);
    ACCLLM_RETURN_IF_ERROR(device_->WriteMemory(g_.rope_address + token * RopeStripes(g_),
                                                StoreNarrowVector(angles, g_.lanes)));
  }
  return {};
}

Status AcceleratedModel::RunPass(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  ACCLLM_RETURN_IF_ERROR(WriteEmbeddings(tokens));
  ACCLLM_RETURN_IF_ERROR(WriteAngles(std::ssize(tokens)));
  PassRegisters registers;
  registers.position = position_;
  registers.n_tokens = std::ssize(tokens);
  registers.n_outputs = n_logits;
  ACCLLM_RETURN_IF_ERROR(device_->Run(registers));
  if (on_pass_) on_pass_(registers);
  position_ += std::ssize(tokens);
  const int64_t first = std::ssize(tokens) - n_logits;
  std::vector<uint8_t> bytes(Index(OutputStripes(g_) * g_.lanes * isa::kBeatBytes));
  for (int64_t i = 0; i < n_logits; ++i) {
    float* row = logits + i * config_.vocab_size;
    ACCLLM_RETURN_IF_ERROR(
        device_->ReadMemory(g_.output_address + (first + i) * OutputStripes(g_), bytes));
    LoadVector(bytes.data(), g_.lanes, {row, Index(config_.vocab_size)});
    if (!std::all_of(row, row + config_.vocab_size, [](float v) { return std::isfinite(v); })) {
      return Fail(ErrorCode::kNumeric,
                  fmt::format("a logit at position {} is not finite", position_ - n_logits + i));
    }
  }
  return {};
}

}  // namespace accllm::accel
