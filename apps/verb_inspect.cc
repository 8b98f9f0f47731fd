// accllm inspect: what a packed file or a checkpoint holds.
#include <filesystem>
#include <map>
#include <memory>

#include "base/block_codec.h"
#include "base/model_config_json.h"
#include "checkpoint/checkpoint.h"
#include "console.h"
#include "options.h"
#include "packed/packed_file.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct InspectFlags {
  std::string path;
  bool tensors = false;
  bool json = false;
};

double BitsPerWeight(const PackedTensor& tensor) {
  return 8.0 * static_cast<double>(tensor.layout.data_bytes) /
         static_cast<double>(tensor.rows * tensor.cols);
}

// Bytes of blocks and row scales that stand for no weight.
int64_t PaddingBytes(const PackedTensor& tensor) {
  const TensorLayout& layout = tensor.layout;
  if (layout.n_blocks == 0) return 0;
  const double slots =
      static_cast<double>(layout.padded_rows * layout.n_blocks * format::kBlockWeights);
  const double used = static_cast<double>(tensor.rows * tensor.cols) / slots;
  const int64_t unused_scales = (layout.padded_rows - tensor.rows) * format::kRowScaleBytes;
  return static_cast<int64_t>(static_cast<double>(layout.weight_bytes) * (1.0 - used)) +
         unused_scales;
}

Json AttentionJson(const AttentionWindow& attention) {
  return {
      {"sinks", attention.n_sinks},
      {"window", attention.window == AttentionWindow::kAll ? Json("all") : Json(attention.window)}};
}

Json PackedJson(const PackedFile& file, int64_t padding_bytes) {
  Json tensors = Json::array();
  for (const PackedTensor& tensor : file.tensors()) {
    tensors.push_back({{"name", tensor.name},
                       {"type", TensorTypeLabel(tensor.type)},
                       {"rows", tensor.rows},
                       {"cols", tensor.cols},
                       {"bytes", tensor.layout.data_bytes},
                       {"bits_per_weight", BitsPerWeight(tensor)}});
  }
  const PackedMetadata& metadata = file.metadata();
  return {{"file", file.path()},
          {"file_bytes", file.bytes().size()},
          {"bits_per_linear_weight", file.BitsPerLinearWeight()},
          {"padding_bytes", padding_bytes},
          {"tokenizer_bytes", file.tokenizer().size()},
          {"config", ParseStoredJson(ModelConfigToJson(metadata.config))},
          {"attention", AttentionJson(metadata.attention)},
          {"recipe", ParseStoredJson(metadata.recipe_json)},
          {"provenance", ParseStoredJson(metadata.provenance_json)},
          {"text", ParseStoredJson(metadata.text_json)},
          {"tensors", std::move(tensors)}};
}

std::string ShapeLines(const ModelConfig& c) {
  return FormatFields({
      {"layers", fmt::format("{}", c.n_layers)},
      {"hidden / FFN", fmt::format("{} / {}", c.hidden_size, c.intermediate_size)},
      {"heads / KV heads", fmt::format("{} / {} of {}", c.n_heads, c.n_kv_heads, c.head_dim)},
      {"vocabulary", fmt::format("{}{}", c.vocab_size, c.tie_word_embeddings ? ", tied" : "")},
      {"context", fmt::format("{}", c.max_position_embeddings)},
      {"RoPE theta", fmt::format("{}", c.rope_theta)},
  });
}

// One line a tensor type, or one line a tensor.
std::string TensorLines(const PackedFile& file, bool all) {
  std::vector<std::vector<std::string>> rows;
  if (all) {
    rows.push_back({"tensor", "type", "rows", "cols", "size", "bits/weight"});
    for (const PackedTensor& t : file.tensors()) {
      rows.push_back({t.name, std::string(TensorTypeLabel(t.type)), fmt::format("{}", t.rows),
                      fmt::format("{}", t.cols), FormatBytes(t.layout.data_bytes),
                      fmt::format("{:.3f}", BitsPerWeight(t))});
    }
    return FormatTable(rows);
  }
  struct Sum {
    int64_t tensors = 0;
    int64_t weights = 0;
    int64_t bytes = 0;
  };
  std::map<std::string_view, Sum> sums;
  for (const PackedTensor& t : file.tensors()) {
    Sum& sum = sums[TensorTypeLabel(t.type)];
    ++sum.tensors;
    sum.weights += t.rows * t.cols;
    sum.bytes += t.layout.data_bytes;
  }
  rows.push_back({"type", "tensors", "weights", "size", "bits/weight"});
  for (const auto& [label, sum] : sums) {
    const double bits = 8.0 * static_cast<double>(sum.bytes) / static_cast<double>(sum.weights);
    rows.push_back({std::string(label), fmt::format("{}", sum.tensors),
                    fmt::format("{}", sum.weights), FormatBytes(sum.bytes),
                    fmt::format("{:.3f}", bits)});
  }
  return FormatTable(rows);
}

// The plain values of a stored JSON object: "name joint, samples 128".
std::string PlainValues(std::string_view json) {
  std::string text;
  const Json object = ParseStoredJson(json);
  for (const auto& [key, value] : object.items()) {
    const auto* word = value.get_ptr<const std::string*>();
    if (value.is_structured() || (word != nullptr && word->empty())) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

Status InspectPacked(const InspectFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const PackedFile file, PackedFile::Open(flags.path));
  int64_t padding_bytes = 0;
  for (const PackedTensor& tensor : file.tensors()) padding_bytes += PaddingBytes(tensor);
  if (flags.json) return PrintJson(PackedJson(file, padding_bytes));
  const PackedMetadata& metadata = file.metadata();
  const AttentionWindow& attention = metadata.attention;
  const std::string window = attention.window == AttentionWindow::kAll
                                 ? "all tokens"
                                 : fmt::format("the last {} tokens", attention.window);
  return PrintText(fmt::format(
      "{}: {}, {:.4f} bits per linear weight, {} of padding\n\n{}\n"
      "attention: {} sinks and {}\nrecipe: {}\nprovenance: {}\n\n{}",
      flags.path, FormatBytes(static_cast<int64_t>(file.bytes().size())),
      file.BitsPerLinearWeight(), FormatBytes(padding_bytes), ShapeLines(metadata.config),
      attention.n_sinks, window, PlainValues(metadata.recipe_json),
      PlainValues(metadata.provenance_json), TensorLines(file, flags.tensors)));
}

Status InspectCheckpoint(const InspectFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(flags.path));
  if (flags.json) {
    return PrintJson({{"folder", flags.path},
                      {"config", ParseStoredJson(ModelConfigToJson(checkpoint.config()))},
                      {"unused_tensors", checkpoint.unused_tensors()}});
  }
  return PrintText(
      fmt::format("{}: checkpoint\n\n{}", flags.path, ShapeLines(checkpoint.config())));
}

Status RunInspect(const InspectFlags& flags) {
  return Checkpoint::IsAt(flags.path) ? InspectCheckpoint(flags) : InspectPacked(flags);
}

}  // namespace

VerbBody DeclareInspect(OptionTable& table) {
  auto flags = std::make_shared<InspectFlags>();
  table.Positional("MODEL", flags->path, "Packed file (.acc), checkpoint folder or GGUF file");
  table.Flag("--tensors", flags->tensors, "One line per tensor, not per type");
  table.Json(flags->json);
  table.Examples({"accllm inspect model.acc", "accllm inspect model.acc --tensors",
                  "accllm inspect models/books-6m --json"});
  return [flags] { return RunInspect(*flags); };
}

}  // namespace accllm::cli
