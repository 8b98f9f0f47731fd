// A .gguf file: every tensor of an accepted file must be readable to its last byte, and its
// tokenizer must come out in a form that can be read again.
#include <cstdlib>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_file.h"
#include "checkpoint/gguf_tokenizer.h"
#include "checkpoint/sentencepiece_bytes.h"
#include "checkpoint/tokenizer_json.h"

namespace accllm {
namespace {

constexpr char kPath[] = "model.gguf";
constexpr int64_t kTokens = 4096;

void ReadTensors(const GgufFile& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    const auto values = file.ReadFloats(name);
    if (!values) continue;
    int64_t n_elements = 1;
    for (const int64_t dimension : tensor.shape) n_elements *= dimension;
    if (static_cast<int64_t>(values->size()) != n_elements) std::abort();
  }
}

void ReadTokenizer(const GgufFile& file) {
  static_cast<void>(ReadGgufSpecialTokens(file.metadata(), kTokens));
  const auto tokenizer = ReadGgufTokenizer(file.metadata(), kTokens);
  if (!tokenizer || tokenizer->bytes.empty()) return;
  if (tokenizer->is_json()) {
    // Equal tokens and a few other things make a JSON that is refused; it must not be misread.
    static_cast<void>(FromTokenizerJson(tokenizer->bytes, kPath, kTokens));
  } else {
    const auto* bytes = reinterpret_cast<const uint8_t*>(tokenizer->bytes.data());
    static_cast<void>(FromSentencePieceBytes({bytes, tokenizer->bytes.size()}, kPath));
  }
}

void ReadModel(std::span<const uint8_t> bytes) {
  auto model = ParseGgufModel(bytes, kPath);
  if (!model) return;
  const auto checkpoint = Checkpoint::FromModel(std::move(*model));
  if (!checkpoint) return;
  static_cast<void>(checkpoint->ReadEmbedding());
  static_cast<void>(checkpoint->ReadLmHead());
  for (int64_t layer = 0; layer < checkpoint->config().n_layers; ++layer) {
    static_cast<void>(checkpoint->ReadLayer(layer));
  }
}

}  // namespace
}  // namespace accllm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = accllm::GgufFile::Parse({data, size}, accllm::kPath);
  if (!file) return 0;
  accllm::ReadTensors(*file);
  accllm::ReadTokenizer(*file);
  accllm::ReadModel({data, size});
  return 0;
}
