#include "tune/distiller.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/file_io.h"
#include "base/mapped_file.h"
#include "tune/loss.h"

namespace accllm::tune {
namespace {

// Tapes of all blocks are kept up to this size; beyond it each block's is made again when its turn
// comes in the backward pass.
constexpr int64_t kTapeBytes = int64_t{2} << 30;

int64_t TapeBytes(const ModelConfig& config, int64_t n_tokens) {
  const int64_t floats = 5 * config.hidden_size + 3 * config.q_size() + 3 * config.kv_size() +
                         3 * config.intermediate_size;
  return n_tokens * floats * static_cast<int64_t>(sizeof(float));
}

}  // namespace

Distiller::Distiller(reference::FloatWeights& teacher, Student& student, int64_t sequence_tokens,
                     const TuneOptions& options, ThreadPool& pool)
    : teacher_(teacher),
      student_(student),
      options_(options),
      pool_(pool),
      teacher_block_(teacher.config(), sequence_tokens, {}),
      student_block_(teacher.config(), sequence_tokens, options.precision),
      keeps_tapes_(teacher.config().n_layers *
                       TapeBytes(teacher.config(), options.batch_sequences * sequence_tokens) <=
                   kTapeBytes),
      final_norm_adam_(student.final_norm.size()) {}

Matrix Distiller::Embed(const std::vector<float>& embedding,
                        const std::vector<std::span<const int32_t>>& sequences) const {
  const int64_t n_tokens = student_block_.sequence_tokens();
  const int64_t hidden = teacher_.config().hidden_size;
  Matrix x(std::ssize(sequences) * n_tokens, hidden);
  int64_t row = 0;
  for (const std::span<const int32_t> sequence : sequences) {
    for (const int32_t token : sequence) {
      std::copy_n(embedding.begin() + int64_t{token} * hidden, hidden, x.row(row++).data());
    }
  }
  return x;
}

Result<Matrix> Distiller::TeacherOutput(const std::vector<std::span<const int32_t>>& sequences) {
  const ModelConfig& config = teacher_.config();
  Matrix x = Embed(teacher_.embedding(), sequences);
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    ACCLLM_ASSIGN_OR_RETURN(const auto w, teacher_.Layer(layer));
    x = teacher_block_.Forward(x, *w, nullptr, pool_);
  }
  return RmsNorm(x, teacher_.final_norm(), config.rms_norm_eps, pool_);
}

Result<double> Distiller::Step(const std::vector<std::span<const int32_t>>& sequences) {
  const float eps = teacher_.config().rms_norm_eps;
  ACCLLM_ASSIGN_OR_RETURN(const Matrix wanted, TeacherOutput(sequences));
  std::vector<Matrix> inputs;  // of each block, and the last one's output
  inputs.push_back(Embed(student_.embedding, sequences));
  std::vector<BlockTape> tapes(student_.blocks.size());
  for (size_t i = 0; i < student_.blocks.size(); ++i) {
    inputs.push_back(student_block_.Forward(inputs.back(), student_.blocks[i].weights(),
                                            keeps_tapes_ ? &tapes[i] : nullptr, pool_));
  }
  Matrix x = RmsNorm(inputs.back(), student_.final_norm, eps, pool_);
  if (options_.precision.a8) RoundToA8(x, pool_);
  const HeadLoss head = Divergence({x, student_.head()}, {wanted, teacher_.lm_head()}, pool_);
  if (!std::isfinite(head.loss)) {
    return Fail(ErrorCode::kNumeric,
                fmt::format("distillation gave a divergence that is not finite at step {}", step_),
                "check that the checkpoint's weights are sound");
  }
  ++step_;
  const LearningRates rates = RatesAt(options_.rates, step_, options_.n_steps);
  std::vector<float> dnorm(student_.final_norm.size());
  Matrix dx = RmsNormBackward(head.dx, inputs.back(), student_.final_norm, eps, dnorm, pool_);
  const float unit =
      Eigen::Map<const Eigen::VectorXf>(student_.final_norm.data(), std::ssize(student_.final_norm))
          .cwiseAbs()
          .mean();
  final_norm_adam_.Step(dnorm, rates.norms * unit, step_, student_.final_norm, pool_);
  Descend(inputs, tapes, std::move(dx), rates);
  return head.loss;
}

// From the last block to the first: gradient, then step.
void Distiller::Descend(const std::vector<Matrix>& inputs, std::vector<BlockTape>& tapes, Matrix dx,
                        const LearningRates& rates) {
  for (size_t i = student_.blocks.size(); i-- > 0;) {
    TrainableBlock& block = student_.blocks[i];
    if (!keeps_tapes_) student_block_.Forward(inputs[i], block.weights(), &tapes[i], pool_);
    FloatLayer dw = ZerosLike(block.weights());
    dx = student_block_.Backward(dx, block.weights(), tapes[i], dw, pool_);
    tapes[i] = {};
    block.Step(dw, rates, step_, pool_);
  }
}

std::vector<std::vector<float>*> Distiller::State() {
  std::vector<std::vector<float>*> arrays = {&student_.final_norm, &final_norm_adam_.mean(),
                                             &final_norm_adam_.variance()};
  for (TrainableBlock& block : student_.blocks) {
    const auto more = block.State();
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  return arrays;
}

Status Distiller::Save(const std::string& path) {
  std::vector<std::span<const uint8_t>> parts;
  parts.emplace_back(reinterpret_cast<const uint8_t*>(&step_), sizeof(step_));
  for (const std::vector<float>* array : State()) {
    parts.emplace_back(reinterpret_cast<const uint8_t*>(array->data()),
                       array->size() * sizeof(float));
  }
  return WriteFileAtomically(path, parts);
}

Status Distiller::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  size_t expected = sizeof(step_);
  for (const std::vector<float>* array : State()) expected += array->size() * sizeof(float);
  if (file.bytes().size() != expected) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: {} bytes, {} expected", path, file.bytes().size(), expected),
                "start again without --resume");
  }
  const uint8_t* at = file.bytes().data();
  std::memcpy(&step_, at, sizeof(step_));
  at += sizeof(step_);
  for (std::vector<float>* array : State()) {
    const size_t bytes = array->size() * sizeof(float);
    std::memcpy(array->data(), at, bytes);
    at += bytes;
  }
  for (TrainableBlock& block : student_.blocks) block.Refresh(pool_);
  return {};
}

}  // namespace accllm::tune
