// Kernels at the shapes of real models: bytes of packed weights per second (from the second cache
// and from memory, beside a pure read of as many bytes), MACs per second, attention per slot.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu_topology.h"
#include "base/huge_buffer.h"
#include "base/isa.h"
#include "base/thread_pool.h"
#include "kernels/kernel_table.h"
#include "runtime/machine_limits.h"

namespace accllm::kernels {
namespace {

using format::TensorType;

struct LinearShape {
  const char* model;
  const char* layer;
  int64_t rows;
  int64_t cols;
};

constexpr LinearShape kLinearShapes[] = {
    {"llama-2-7b", "q_proj", 4096, 4096},     {"llama-2-7b", "gate_proj", 11008, 4096},
    {"llama-2-7b", "down_proj", 4096, 11008}, {"tinyllama", "q_proj", 2048, 2048},
    {"tinyllama", "down_proj", 2048, 5632},   {"llama-3.2-1b", "gate_proj", 8192, 2048},
    {"llama-3.2-1b", "k_proj", 512, 2048},    {"qwen2.5-0.5b", "gate_proj", 4864, 896},
    {"qwen2.5-0.5b", "down_proj", 896, 4864},
};

struct TypeName {
  TensorType type;
  const char* name;
};

constexpr TypeName kTypes[] = {{TensorType::kW2S24, "w2-2:4"}, {TensorType::kW2Free, "w2-free"},
                               {TensorType::kW2, "w2"},        {TensorType::kW3, "w3"},
                               {TensorType::kW4, "w4"},        {TensorType::kW8, "w8"}};

struct AttentionShape {
  const char* model;
  int64_t head_dim;
  int64_t n_heads;  // query heads that share one KV head
};

constexpr AttentionShape kAttentionShapes[] = {
    {"llama-2-7b", 128, 1}, {"tinyllama", 64, 8}, {"llama-3.2-1b", 64, 4}, {"qwen2.5-0.5b", 64, 7}};

// A kernel that reads from memory walks over copies of its matrix that fill this many bytes.
constexpr int64_t kMemoryBytes = int64_t{512} << 20;
// A kernel that reads from cache works on the tiles that fit in this many bytes, over and over.
constexpr int64_t kCacheBytes = int64_t{256} << 10;

void FillRandom(uint8_t* bytes, int64_t n, uint64_t state) {
  for (int64_t i = 0; i + 8 <= n; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(bytes + i, &state, 8);
  }
}

// kMemoryBytes of random bytes in huge pages, shared by all benchmarks; nullptr: no memory.
uint8_t* Arena() {
  static Result<HugeBuffer> buffer = [] {
    Result<HugeBuffer> made = HugeBuffer::Allocate(kMemoryBytes);
    if (made) FillRandom(made->data(), kMemoryBytes, 88172645463325252U);
    return made;
  }();
  return buffer ? buffer->data() : nullptr;
}

// Sums the bytes as qwords: nothing but reading.
uint64_t ReadAll(const uint8_t* bytes, int64_t n) {
  uint64_t sums[32] = {};
  for (int64_t i = 0; i + 256 <= n; i += 256) {
    uint64_t words[32];
    std::memcpy(words, bytes + i, 256);
    for (int j = 0; j < 32; ++j) sums[j] += words[j];
  }
  uint64_t sum = 0;
  for (const uint64_t s : sums) sum += s;
  return sum;
}

void BenchRead(benchmark::State& state, int64_t bytes) {
  const uint8_t* arena = Arena();
  if (arena == nullptr) return state.SkipWithError("no memory");
  ThreadPool pool(static_cast<int>(state.range(0)));
  const int64_t n_lines = bytes / 4096;
  for (auto _ : state) {
    pool.ParallelFor(n_lines, [&](int64_t begin, int64_t end, int) {
      uint64_t sum = ReadAll(arena + begin * 4096, (end - begin) * 4096);
      benchmark::DoNotOptimize(sum);
    });
  }
  state.SetBytesProcessed(state.iterations() * n_lines * 4096);
}

// Activations, row scales and row sums of a matrix whose blocks lie in the arena.
struct LinearWork {
  LinearWork(const LinearShape& shape, TensorType type, int64_t n_tokens)
      : codes(static_cast<size_t>(n_tokens * RoundUp(shape.cols, 256)), 130),
        token_scales(static_cast<size_t>(n_tokens), 0.5F),
        row_scales(static_cast<size_t>(RoundUp(shape.rows, 8)), 0.25F),
        row_sums(row_scales.size(), 3),
        y(static_cast<size_t>(n_tokens * shape.rows)) {
    matrix.type = type;
    matrix.rows = shape.rows;
    matrix.cols = shape.cols;
    matrix.n_blocks = RoundUp(shape.cols, 256) / 256;
    matrix.row_scales = row_scales.data();
    matrix.row_sums = row_sums.data();
    x = {codes.data(), token_scales.data(), n_tokens, matrix.n_blocks};
  }

  int64_t tile_bytes() const { return matrix.n_blocks * TileBlockBytes(matrix.type); }

  // As the engine does, where there are enough tokens.
  void ArrangeFor(const TileKernels& kernels) {
    if (x.n_tokens < kernels.min_panel_tokens) return;
    arranged.resize(static_cast<size_t>(ArrangedBytes(x.n_tokens, x.n_blocks)));
    Arrange(kernels, x, arranged.data());
    x.arranged = arranged.data();
  }

  std::vector<uint8_t> codes;
  std::vector<uint8_t> arranged;
  std::vector<float> token_scales;
  std::vector<float> row_scales;
  std::vector<int32_t> row_sums;
  std::vector<float> y;
  PackedMatrix matrix;
  QuantizedRows x;
};

// Times tiles [0, n_tiles) of copy 0, 1, .. n_copies - 1 of a matrix, on state.range(0) threads
// and state.range(1) tokens.
void BenchLinear(benchmark::State& state, Isa isa, const LinearShape& shape, TensorType type,
                 bool from_memory) {
  const uint8_t* arena = Arena();
  if (arena == nullptr) return state.SkipWithError("no memory");
  const int64_t n_tokens = state.range(1);
  LinearWork work(shape, type, n_tokens);
  work.ArrangeFor(KernelsFor(isa).tile);
  work.matrix.is_interleaved =
      type == TensorType::kW2S24 && KernelsFor(isa).tile.w2s24_interleaved != nullptr;
  const int64_t n_threads = state.range(0);
  int64_t n_tiles = work.matrix.n_tiles();
  if (!from_memory) {
    n_tiles = std::min(n_tiles, std::max(n_threads, n_threads * kCacheBytes / work.tile_bytes()));
  }
  const int64_t copy_bytes = n_tiles * work.tile_bytes();
  const int64_t n_copies = from_memory ? std::max<int64_t>(1, kMemoryBytes / copy_bytes) : 1;
  ThreadPool pool(static_cast<int>(n_threads));
  int64_t copy = 0;
  for (auto _ : state) {
    work.matrix.blocks = arena + copy * copy_bytes;
    copy = (copy + 1) % n_copies;
    pool.ParallelFor(n_tiles, [&](int64_t begin, int64_t end, int) {
      Linear(KernelsFor(isa).tile, work.matrix, work.x, begin, end,
             work.y.data() + work.matrix.RowOfTile(begin), shape.rows);
    });
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * copy_bytes);
  state.counters["MAC/s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * n_tiles * 8 * shape.cols * n_tokens),
      benchmark::Counter::kIsRate);
}

// One KV head over state.range(0) slots.
void BenchAttention(benchmark::State& state, Isa isa, const AttentionShape& shape) {
  const uint8_t* arena = Arena();
  if (arena == nullptr) return state.SkipWithError("no memory");
  const int64_t n_slots = state.range(0);
  const int64_t padded_dim = KvPaddedDim(shape.head_dim);
  const std::vector<uint16_t> scales(static_cast<size_t>(n_slots), 0x1000);
  const std::vector<uint8_t> groups(static_cast<size_t>(n_slots * KvGroups(shape.head_dim)), 0x7D);
  std::vector<int8_t> q(static_cast<size_t>(shape.n_heads * padded_dim));
  FillRandom(reinterpret_cast<uint8_t*>(q.data()), static_cast<int64_t>(q.size()), 12345);
  const std::vector<float> q_scale(static_cast<size_t>(shape.n_heads), 0.01F);
  const std::vector<int32_t> sums(static_cast<size_t>(shape.n_heads * KvGroups(shape.head_dim)));
  const auto rows = [&](const uint8_t* codes) {
    return KvRows{codes, scales.data(), groups.data(), n_slots};
  };
  const KvHead cache = {rows(arena), rows(arena + n_slots * padded_dim / 2)};
  const RotatedQueries queries = {q.data(), q_scale.data(), sums.data()};
  const AttentionQuery query = {shape.n_heads, shape.head_dim, queries, queries};
  const std::vector<SlotRange> ranges = {{0, 4, true}, {4, n_slots}};
  std::vector<float> scratch(
      static_cast<size_t>(AttentionScratchFloats(n_slots, shape.n_heads, shape.head_dim)));
  std::vector<float> out(static_cast<size_t>(shape.n_heads * shape.head_dim));
  for (auto _ : state) {
    KernelsFor(isa).attention(cache, query, ranges, scratch.data(), out.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * n_slots * KvRowBytes(shape.head_dim));
  state.counters["MAC/s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * 2 * n_slots * shape.head_dim * shape.n_heads),
      benchmark::Counter::kIsRate);
  state.counters["s/(slot*head)"] =
      benchmark::Counter(static_cast<double>(state.iterations() * n_slots * shape.n_heads),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The kernels that work on one vector of state.range(0) floats; `bytes` they read and write for
// each.
void BenchVector(benchmark::State& state, void (*run)(const KernelTable&, std::vector<float>&),
                 Isa isa, int64_t bytes) {
  std::vector<float> x(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 37) * 0.1F - 1.7F;
  for (auto _ : state) {
    run(KernelsFor(isa), x);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) * bytes);
}

void RunQuantize(const KernelTable& kernels, std::vector<float>& x) {
  static std::vector<uint8_t> codes(1 << 16);
  float scale;
  kernels.quantize_activations(x.data(), static_cast<int64_t>(x.size()), codes.data(), &scale);
  benchmark::DoNotOptimize(scale);
}

void RunRmsNorm(const KernelTable& kernels, std::vector<float>& x) {
  static std::vector<float> y(1 << 16);
  kernels.rmsnorm(x.data(), x.data(), static_cast<int64_t>(x.size()), 1e-5F, y.data());
}

void RunSiluMul(const KernelTable& kernels, std::vector<float>& x) {
  static std::vector<float> y(1 << 16);
  kernels.silu_mul(x.data(), x.data(), static_cast<int64_t>(x.size()), y.data());
}

void RunHadamard(const KernelTable& kernels, std::vector<float>& x) {
  static std::vector<float> y(1 << 16);
  std::copy(x.begin(), x.end(), y.begin());  // in place, values would grow without end
  kernels.heads.hadamard(y.data(), static_cast<int64_t>(x.size()));
}

void RunQuantizeQuery(const KernelTable& kernels, std::vector<float>& x) {
  static std::vector<int8_t> q(1 << 16);
  const auto n = static_cast<int64_t>(x.size());
  float scale;
  kernels.heads.quantize_query(x.data(), n, KvPaddedDim(n), q.data(), &scale);
  benchmark::DoNotOptimize(scale);
}

void RunQuantizeKv(const KernelTable& kernels, std::vector<float>& x) {
  static std::vector<uint8_t> codes(1 << 16);
  static uint16_t scale = 0;
  static std::vector<uint8_t> groups(1 << 12);
  kernels.heads.quantize_kv(x.data(), static_cast<int64_t>(x.size()),
                            {codes.data(), &scale, groups.data(), 1});
}

// What one thread, and all, can do at most.
void BenchDotPeak(benchmark::State& state, Isa isa) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  double best = 0;
  for (auto _ : state) best = std::max(best, MeasureDotPeak(pool, isa));
  state.counters["MAC/s"] = best;
}

std::vector<int64_t> ThreadCounts() {
  const int64_t n_cpus = ThisCpuTopology().n_usable();
  return n_cpus > 1 ? std::vector<int64_t>{1, n_cpus} : std::vector<int64_t>{1};
}

void RegisterLinear(Isa isa, const TypeName& type, const LinearShape& shape, bool from_memory) {
  const std::string name = std::string("linear/") + type.name + "/" + shape.model + "/" +
                           shape.layer + (from_memory ? "/memory/" : "/cache/") +
                           std::string(IsaName(isa));
  auto* bench =
      benchmark::RegisterBenchmark(name.c_str(), BenchLinear, isa, shape, type.type, from_memory);
  bench->ArgNames({"threads", "tokens"})->UseRealTime();
  if (isa == Isa::kScalar) {
    bench->Args({1, 1});
    return;
  }
  for (const int64_t n_threads : ThreadCounts()) {
    for (const int64_t n_tokens : {1, 2, 4, 8, 64}) bench->Args({n_threads, n_tokens});
  }
}

void RegisterLinears(Isa isa) {
  for (const TypeName& type : kTypes) {
    for (const LinearShape& shape : kLinearShapes) {
      RegisterLinear(isa, type, shape, false);
      if (isa != Isa::kScalar) RegisterLinear(isa, type, shape, true);
    }
  }
}

void RegisterOthers(Isa isa) {
  const std::string isa_name(IsaName(isa));
  for (const AttentionShape& shape : kAttentionShapes) {
    const std::string name = std::string("attention/") + shape.model + "/" + isa_name;
    benchmark::RegisterBenchmark(name.c_str(), BenchAttention, isa, shape)
        ->ArgName("slots")
        ->Args({256})
        ->Args({2048})
        ->Args({32768});
  }
  const auto vector = [&](const char* name, auto run, int64_t bytes, std::vector<int64_t> sizes) {
    auto* bench = benchmark::RegisterBenchmark((std::string(name) + "/" + isa_name).c_str(),
                                               BenchVector, run, isa, bytes);
    for (const int64_t size : sizes) bench->Arg(size);
  };
  vector("quantize_activations", RunQuantize, 5, {2048, 11008});
  vector("rmsnorm", RunRmsNorm, 12, {2048, 11008});
  vector("silu_mul", RunSiluMul, 12, {2048, 11008});
  vector("hadamard", RunHadamard, 8, {64, 128});
  vector("quantize_query", RunQuantizeQuery, 5, {64, 128});
  vector("quantize_kv", RunQuantizeKv, 5, {64, 128});
  auto* peak = benchmark::RegisterBenchmark(("peak/" + isa_name).c_str(), BenchDotPeak, isa);
  peak->ArgName("threads")->UseRealTime()->ArgsProduct({ThreadCounts()});
}

void RegisterAll() {
  for (const auto& [name, bytes] :
       {std::pair{"read/cache", kCacheBytes}, {"read/memory", kMemoryBytes}}) {
    benchmark::RegisterBenchmark(name, BenchRead, bytes)
        ->ArgName("threads")
        ->UseRealTime()
        ->ArgsProduct({ThreadCounts()});
  }
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    RegisterLinears(isa);
    RegisterOthers(isa);
  }
}

}  // namespace
}  // namespace accllm::kernels

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  accllm::kernels::RegisterAll();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
