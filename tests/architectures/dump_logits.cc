// Prints the logits after each of the given tokens, one number a line.
//
// usage: dump_logits float|engine|integer MODEL TOKEN,TOKEN,...
//   float    MODEL is a checkpoint, attention as in training
//   engine, integer    MODEL is a packed file of a checkpoint, attention as in its training
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/isa.h"
#include "checkpoint/checkpoint.h"
#include "packed/packed_file.h"
#include "reference/float_model.h"
#include "reference/integer_model.h"
#include "runtime/engine.h"

namespace accllm {
namespace {

std::vector<int32_t> ParseTokens(std::string_view text) {
  std::vector<int32_t> tokens;
  while (!text.empty()) {
    const std::string_view number = text.substr(0, text.find(','));
    int32_t token = -1;
    std::from_chars(number.data(), number.data() + number.size(), token);
    tokens.push_back(token);
    text.remove_prefix(std::min(number.size() + 1, text.size()));
  }
  return tokens;
}

Status Print(LanguageModel& model, const std::vector<int32_t>& tokens) {
  std::vector<float> logits(tokens.size() * static_cast<size_t>(model.vocab_size()));
  ACCLLM_RETURN_IF_ERROR(model.Append(tokens, static_cast<int64_t>(tokens.size()), logits.data()));
  for (const float logit : logits) fmt::print("{}\n", logit);
  return {};
}

Status RunFloat(const std::string& path, const std::vector<int32_t>& tokens) {
  ACCLLM_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(const auto weights, reference::WeightsOf(checkpoint));
  reference::FloatModel model(*weights, TrainedAttention(checkpoint.config()));
  return Print(model, tokens);
}

Status RunPacked(bool use_engine, const std::string& path, const std::vector<int32_t>& tokens) {
  ACCLLM_ASSIGN_OR_RETURN(const PackedFile file, PackedFile::Open(path));
  const AttentionWindow window = TrainedAttention(file.config());
  if (!use_engine) {
    ACCLLM_ASSIGN_OR_RETURN(const auto model, reference::IntegerModel::Load(file, window));
    return Print(*model, tokens);
  }
  EngineOptions options;
  options.window = window;
  options.max_tokens = static_cast<int64_t>(tokens.size());
  options.n_threads = 2;
  options.chunk = 16;
  ACCLLM_ASSIGN_OR_RETURN(options.isa, SelectIsa());
  ACCLLM_ASSIGN_OR_RETURN(const auto engine, Engine::Load(file, options));
  return Print(*engine, tokens);
}

}  // namespace
}  // namespace accllm

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string_view how = argv[1];
  const std::vector<int32_t> tokens = accllm::ParseTokens(argv[3]);
  const accllm::Status status = how == "float"
                                    ? accllm::RunFloat(argv[2], tokens)
                                    : accllm::RunPacked(how == "engine", argv[2], tokens);
  if (status) return 0;
  fmt::print(stderr, "{}\n", status.error().ToString());
  return 1;
}
