// Encoding speed in bytes of text a second, on one thread.
//
// usage: tokenizer_bench [TEXT TOKENIZER...] [benchmark options]
//        default: the fetched test text, the bundled tokenizer and those that were fetched
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_io.h"
#include "tokenizer/tokenizer.h"

namespace accllm {
namespace {

constexpr int64_t kMaxBytes = int64_t{64} << 20;

void SetSpeed(benchmark::State& state, const std::string& text) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void BenchWhole(benchmark::State& state, const Tokenizer* tokenizer, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->Encode(text).data());
  SetSpeed(state, text);
}

// One call a line, as a server would make them.
void BenchLines(benchmark::State& state, const Tokenizer* tokenizer, const std::string& text) {
  for (auto _ : state) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      benchmark::DoNotOptimize(tokenizer->Encode(line).data());
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  }
  SetSpeed(state, text);
}

void BenchDecode(benchmark::State& state, const Tokenizer* tokenizer, const std::string& text) {
  const std::vector<int32_t> ids = tokenizer->Encode(text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->Decode(ids).data());
  SetSpeed(state, text);
}

std::vector<std::string> DefaultPaths() {
  const std::filesystem::path build = ACCLLM_BINARY_DIR;
  std::vector<std::string> paths = {build / "texts/moby_dick.txt",
                                    ACCLLM_SOURCE_DIR "/models/books-6m/tokenizer.model"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(build / "tokenizers", error)) {
    paths.push_back(entry.path() / "tokenizer.json");
  }
  return paths;
}

Status Run(const std::vector<std::string>& paths) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(paths[0], kMaxBytes));
  std::string one_line = text;
  std::ranges::replace(one_line, '\n', ' ');
  std::vector<Tokenizer> tokenizers;
  for (size_t i = 1; i < paths.size(); ++i) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string bytes, ReadTextFile(paths[i], kMaxBytes));
    ACCLLM_ASSIGN_OR_RETURN(
        Tokenizer tokenizer,
        Tokenizer::Load({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, paths[i]));
    tokenizers.push_back(std::move(tokenizer));
  }
  for (size_t i = 0; i < tokenizers.size(); ++i) {
    const auto name = [&](const char* what) { return std::string(what) + paths[i + 1]; };
    const Tokenizer* tokenizer = &tokenizers[i];
    benchmark::RegisterBenchmark(name("whole/").c_str(), BenchWhole, tokenizer, text);
    benchmark::RegisterBenchmark(name("one_line/").c_str(), BenchWhole, tokenizer, one_line);
    benchmark::RegisterBenchmark(name("lines/").c_str(), BenchLines, tokenizer, text);
    benchmark::RegisterBenchmark(name("decode/").c_str(), BenchDecode, tokenizer, text);
  }
  benchmark::RunSpecifiedBenchmarks();
  return {};
}

}  // namespace
}  // namespace accllm

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> paths(argv + 1, argv + argc);
  if (paths.size() < 2) paths = accllm::DefaultPaths();
  const accllm::Status status = accllm::Run(paths);
  if (!status) std::fprintf(stderr, "tokenizer_bench: %s\n", status.error().ToString().c_str());
  benchmark::Shutdown();
  return status ? 0 : 1;
}
