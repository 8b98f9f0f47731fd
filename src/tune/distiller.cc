#include "tune/distiller.h"

#include <cmath>
#include <utility>

#include "tune/loss.h"
#include "tune/state_file.h"

namespace accllm::tune {

Distiller::Distiller(reference::FloatWeights& teacher, Student& student, int64_t sequence_tokens,
                     const TuneOptions& options, ThreadPool& pool)
    : teacher_(teacher),
      student_(student),
      options_(options),
      pool_(pool),
      teacher_block_(teacher.config(), sequence_tokens, {}),
      student_stack_(teacher.config(), teacher.config().n_layers, sequence_tokens,
                     options.batch_sequences * sequence_tokens, options.precision),
      final_norm_adam_(student.final_norm.size()),
      head_adam_(student.head().size()),
      losses_(Index(options.n_steps)) {}

const FloatLayer& Distiller::Weights(size_t i) {
  if (i != open_) student_.blocks[open_].Close();
  open_ = i;
  student_.blocks[i].Open(pool_);
  return student_.blocks[i].weights();
}

Result<Matrix> Distiller::TeacherOutput(const std::vector<std::span<const int32_t>>& sequences) {
  const ModelConfig& config = teacher_.config();
  Matrix x = Embed(teacher_.embedding(), sequences, config.hidden_size);
  for (int64_t layer = 0; layer < config.n_layers; ++layer) {
    ACCLLM_ASSIGN_OR_RETURN(const auto w, teacher_.Layer(layer));
    x = teacher_block_.Forward(x, *w, nullptr, pool_);
  }
  return RmsNorm(x, teacher_.final_norm(), config.rms_norm_eps, pool_);
}

void Distiller::Move(std::vector<float>& values, const std::vector<float>& gradient, float rate,
                     Adam& adam) {
  const float unit =
      Eigen::Map<const Eigen::VectorXf>(values.data(), std::ssize(values)).cwiseAbs().mean();
  adam.Step(gradient, rate * unit, step_, values, pool_);
}

Result<double> Distiller::Step(const std::vector<std::span<const int32_t>>& sequences) {
  const float eps = teacher_.config().rms_norm_eps;
  ACCLLM_ASSIGN_OR_RETURN(const Matrix wanted, TeacherOutput(sequences));
  const auto weights = [&](size_t i) -> const FloatLayer& { return Weights(i); };
  const Matrix& stream = student_stack_.Forward(
      Embed(student_.embedding, sequences, teacher_.config().hidden_size), weights, pool_);
  Matrix x = RmsNorm(stream, student_.final_norm, eps, pool_);
  if (options_.precision.a8) RoundToA8(x, pool_);
  std::vector<float> dhead(student_.head().size());
  const HeadLoss head =
      Divergence({x, student_.head()}, {wanted, teacher_.lm_head()}, dhead, pool_);
  if (!std::isfinite(head.loss)) {
    return Fail(ErrorCode::kNumeric,
                fmt::format("distillation gave a divergence that is not finite at step {}", step_),
                "check that the checkpoint's weights are sound");
  }
  losses_[Index(step_)] = static_cast<float>(head.loss);
  ++step_;
  const LearningRates rates = RatesAt(options_.rates, step_, options_.n_steps);
  std::vector<float> dnorm(student_.final_norm.size());
  Matrix dx = RmsNormBackward(head.dx, stream, student_.final_norm, eps, dnorm, pool_);
  Move(student_.final_norm, dnorm, rates.norms, final_norm_adam_);
  dx = student_stack_.Backward(
      std::move(dx), weights,
      [&](size_t i, const FloatLayer& dw) { student_.blocks[i].Step(dw, rates, step_, pool_); },
      pool_);
  if (student_.lm_head.empty()) EmbedBackward(dx, sequences, dhead);
  Move(student_.head(), dhead, rates.head, head_adam_);
  return head.loss;
}

std::vector<std::vector<float>*> Distiller::State() {
  std::vector<std::vector<float>*> arrays = StateOf(student_.blocks);
  arrays.insert(arrays.end(),
                {&student_.final_norm, &final_norm_adam_.mean(), &final_norm_adam_.variance(),
                 &student_.head(), &head_adam_.mean(), &head_adam_.variance(), &losses_});
  return arrays;
}

Status Distiller::Save(const std::string& path) { return SaveState(path, step_, State()); }

Status Distiller::Load(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(step_, LoadState(path, State()));
  for (size_t i = 0; i < student_.blocks.size(); ++i) {
    Weights(i);
    student_.blocks[i].Refresh(pool_);
  }
  return {};
}

}  // namespace accllm::tune
