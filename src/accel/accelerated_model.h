// A language model that runs on a device: the host's side of a program.
#pragma once

#include <functional>
#include <memory>

#include "accel/device.h"
#include "accel/program/matrix_reader.h"
#include "accel/program/program_file.h"
#include "base/language_model.h"
#include "kernels/rope/rope.h"

namespace accllm::accel {

// The most tokens that attention of this geometry can hold: INT64_MAX with a window.
int64_t Capacity(const isa::Geometry& geometry);

// The program must outlive the model, which reads its embedding.
class AcceleratedModel final : public LanguageModel {
 public:
  AcceleratedModel(const ProgramFile& program, std::unique_ptr<Device> device);

  int64_t vocab_size() const override { return config_.vocab_size; }
  int64_t position() const override { return position_; }
  void Reset() override { position_ = 0; }
  // Also kInvalidArgument if the tokens do not fit full attention, and the device's errors.
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override;
  // All but the first token of a pass.
  int64_t max_rewind() const override { return int64_t{g_.slots} - 1; }
  void Rewind(int64_t n_tokens) override { position_ -= n_tokens; }

  const Device& device() const { return *device_; }

  // Told of each pass once the device has run it.
  using OnPass = std::function<void(const PassRegisters&)>;
  void SetOnPass(OnPass on_pass) { on_pass_ = std::move(on_pass); }

 private:
  Status RunPass(std::span<const int32_t> tokens, int64_t n_logits, float* logits);
  Status WriteEmbeddings(std::span<const int32_t> tokens);
  Status WriteAngles(int64_t n_tokens);

  ModelConfig config_;
  isa::Geometry g_;
  kernels::RopeFrequencies frequencies_;
  MatrixReader embedding_;
  std::unique_ptr<Device> device_;
  OnPass on_pass_;
  int64_t position_ = 0;
};

}  // namespace accllm::accel
