// Prints the token ids of every line of standard input, for comparison with another engine.
//
// usage: tokenize_lines MODEL < TEXT     MODEL: a checkpoint folder or a GGUF file
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <string>

#include "checkpoint/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace {

accllm::Status Run(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const accllm::Checkpoint checkpoint, accllm::Checkpoint::Open(path));
  ACCLLM_ASSIGN_OR_RETURN(const accllm::CheckpointTokenizer source, checkpoint.ReadTokenizer());
  const auto* bytes = reinterpret_cast<const uint8_t*>(source.bytes.data());
  ACCLLM_ASSIGN_OR_RETURN(const accllm::Tokenizer tokenizer,
                          accllm::Tokenizer::Load({bytes, source.bytes.size()}, source.name));
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << fmt::format("{}\n", fmt::join(tokenizer.Encode(line), " "));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokenize_lines MODEL < TEXT\n";
    return 2;
  }
  const accllm::Status status = Run(argv[1]);
  if (!status) std::cerr << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
