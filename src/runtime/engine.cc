#include "runtime/engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/block_codec.h"
#include "base/cpu_topology.h"
#include "base/index.h"
#include "kernels/linear/interleave24.h"

namespace accllm {
namespace {

// Parts of a loop over tiles, at most, and their tiles, at least: on a machine that others use too,
// one thread is late now and then, but to take a part costs time as well.
constexpr int kPartsPerThread = 4;
constexpr int64_t kTilesPerPart = 8;

// Floats of gate and of up that a thread holds before it multiplies them: they stay in its caches.
constexpr int64_t kGatedAtOnce = 8192;
// Rows of tiles that no kernel cuts, and their tiles.
constexpr int64_t kUnitRows = kernels::kInterleavedRows;
constexpr int64_t kUnitTiles = kUnitRows / format::kTileRows;

constexpr int64_t kLoopsPerLayer = 5;  // that wait for all threads, for one token

// Tokens whose heads attend in one pass over the cache.
int64_t TokensTogether(const ModelConfig& config) {
  return std::max<int64_t>(1, kernels::kHeadsAtOnce / config.heads_per_kv_head());
}

KvCache::Options CacheOptions(const EngineOptions& options) {
  return {options.window, options.chunk, options.max_tokens,
          kernels::KernelsFor(options.isa).heads};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Load(const PackedFile& file, EngineOptions options,
                                             std::shared_ptr<ThreadPool> threads) {
  if (options.chunk < 1 || options.n_threads < 1) {
    return Fail(ErrorCode::kInvalidArgument, "chunk and threads must be at least 1");
  }
  if (threads == nullptr) {
    threads = std::make_shared<ThreadPool>(
        options.n_threads,
        options.pin_threads ? std::span(ThisCpuTopology().cpus) : std::span<const int>());
  }
  options.n_threads = threads->n_threads();
  ACCLLM_ASSIGN_OR_RETURN(PackedModel model,
                          PackedModel::Load(file, kernels::KernelsFor(options.isa), *threads));
  ACCLLM_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create(model.config(), CacheOptions(options)));
  ACCLLM_ASSIGN_OR_RETURN(ChunkBuffers buffers,
                          ChunkBuffers::Create(model.config(), options.chunk));
  return std::unique_ptr<Engine>(new Engine(options, std::move(threads), std::move(model),
                                            std::move(cache), std::move(buffers)));
}

Engine::Engine(const EngineOptions& options, std::shared_ptr<ThreadPool> pool, PackedModel model,
               KvCache cache, ChunkBuffers buffers)
    : options_(options),
      kernels_(kernels::KernelsFor(options.isa)),
      pool_(std::move(pool)),
      model_(std::move(model)),
      own_{std::move(cache)},
      frequencies_(model_.config().head_dim, model_.config().rope_theta,
                   model_.config().rope_factors),
      buffers_(std::move(buffers)),
      layer_bytes_(model_.BytesPerToken() / model_.config().n_layers) {
  AllocateScratch();
}

void Engine::AllocateScratch() {
  const ModelConfig& c = model_.config();
  low_ranks_ = LowRankChunk(model_.max_rank(), options_.chunk);
  const int64_t n_heads = TokensTogether(c) * c.heads_per_kv_head();
  const int64_t max_visible = own_.cache.max_visible();
  scratch_.resize(Index(options_.n_threads));
  for (Scratch& scratch : scratch_) {
    scratch.rotated.resize(Index(c.head_dim));
    scratch.window = {n_heads, c.head_dim, kernels_.heads};
    scratch.sink = {n_heads, c.head_dim, kernels_.heads};
    scratch.visible.resize(Index(n_heads));
    scratch.gate.resize(Index(std::max(kGatedAtOnce, kUnitRows * options_.chunk)));
    scratch.up.resize(scratch.gate.size());
    scratch.mixed.resize(Index(n_heads * c.head_dim));
    scratch.scores.resize(Index(kernels::AttentionScratchFloats(max_visible, n_heads, c.head_dim)));
  }
}

Result<Engine::Sequence> Engine::NewSequence() const {
  ACCLLM_ASSIGN_OR_RETURN(KvCache cache, KvCache::Create(model_.config(), CacheOptions(options_)));
  return Sequence{std::move(cache)};
}

Status Engine::CheckRoom(const Sequence& sequence, int64_t n_tokens) const {
  const int64_t capacity = sequence.cache.capacity();
  if (n_tokens <= capacity - sequence.position) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} tokens do not fit a context of {} that holds {}", n_tokens, capacity,
                          sequence.position),
              "give a larger --context, or a --window");
}

Status Engine::Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  return AppendTo(own_, tokens, n_logits, logits);
}

Status Engine::AppendTo(Sequence& sequence, std::span<const int32_t> tokens, int64_t n_logits,
                        float* logits) {
  ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n_logits));
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  ACCLLM_RETURN_IF_ERROR(CheckRoom(sequence, n_tokens));
  for (int64_t begin = 0; begin < n_tokens; begin += options_.chunk) {
    const int64_t end = std::min(n_tokens, begin + options_.chunk);
    const int64_t first_logit = std::max(begin, n_tokens - n_logits);
    const int64_t n = std::max<int64_t>(0, end - first_logit);
    places_.clear();
    for (int64_t t = begin; t < end; ++t) places_.push_back({&sequence, sequence.position++});
    ACCLLM_RETURN_IF_ERROR(RunChunk(tokens.subspan(Index(begin), Index(end - begin)), n, logits));
    logits += n * vocab_size();
  }
  return {};
}

Status Engine::AppendTogether(std::span<Sequence* const> sequences, std::span<const int32_t> tokens,
                              float* logits) {
  const auto n = static_cast<int64_t>(sequences.size());
  ACCLLM_RETURN_IF_ERROR(CheckTokens(tokens, n));
  bool has_twice = false;
  for (auto s = sequences.begin(); s != sequences.end(); ++s) {
    has_twice = has_twice || std::find(s + 1, sequences.end(), *s) != sequences.end();
  }
  if (n > options_.chunk || has_twice || tokens.size() != sequences.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} tokens for {} texts: one for each, no text twice, and at most a "
                            "chunk of {}",
                            tokens.size(), n, options_.chunk));
  }
  for (const Sequence* sequence : sequences) ACCLLM_RETURN_IF_ERROR(CheckRoom(*sequence, 1));
  places_.clear();
  for (Sequence* sequence : sequences) places_.push_back({sequence, sequence->position++});
  return RunChunk(tokens, n, logits);
}

Status Engine::RunChunk(std::span<const int32_t> tokens, int64_t n_logits, float* logits) {
  if (tokens.empty()) return {};
  const ModelConfig& c = model_.config();
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  const int64_t half_dim = c.head_dim / 2;
  for (int64_t t = 0; t < n_tokens; ++t) {
    model_.EmbeddingRow(tokens[Index(t)], buffers_.x.data() + t * c.hidden_size);
    const auto [sequence, position] = places_[Index(t)];
    frequencies_.AnglesAt(position, buffers_.cosines.data() + t * half_dim,
                          buffers_.sines.data() + t * half_dim);
    frequencies_.AnglesAt(sequence->cache.SinkQueryPosition(position),
                          buffers_.sink_cosines.data() + t * half_dim,
                          buffers_.sink_sines.data() + t * half_dim);
  }
  is_alone_ = BytesPerLoop() * n_tokens < options_.min_loop_bytes;
  for (int64_t layer = 0; layer < c.n_layers; ++layer) RunLayer(layer, n_tokens);
  if (n_logits == 0) return {};
  const int64_t skipped = (n_tokens - n_logits) * c.hidden_size;
  for (std::span<float> rows : {buffers_.x, buffers_.projected}) {
    std::copy_n(rows.begin() + skipped, n_logits * c.hidden_size, rows.begin());
  }
  const std::array outputs = {Output{&model_.lm_head(), logits, c.vocab_size}};
  Project(NormedInput(model_.final_norm(), n_logits, buffers_.projected.data()), outputs);
  const float* end = logits + n_logits * c.vocab_size;
  if (!std::all_of(static_cast<const float*>(logits), end,
                   [](float v) { return std::isfinite(v); })) {
    return Fail(ErrorCode::kNumeric,
                fmt::format("a logit near position {} is not finite", places_.back().position),
                "the model is damaged or its weights overflow");
  }
  return {};
}

// What a loop reads for one token, on average: of weights, and for each query head of the cache.
int64_t Engine::BytesPerLoop() const {
  int64_t visible = 0;
  for (const Place& place : places_) {
    visible = std::max(visible, std::min(place.position, place.sequence->cache.max_visible()));
  }
  return (layer_bytes_ + visible * model_.config().q_size()) / kLoopsPerLayer;
}

// In a pass with little to do the caller does it: others would be waited for, not helpful.
void Engine::Loop(int64_t n, FunctionRef<void(int64_t, int64_t, int)> body, int parts_per_thread) {
  if (!is_alone_) return pool_->ParallelFor(n, body, parts_per_thread);
  if (n > 0) body(0, n, 0);
}

void Engine::RunLayer(int64_t layer, int64_t n_tokens) {
  const ModelConfig& c = model_.config();
  const PackedLayer& w = model_.layers()[Index(layer)];
  const float* from_last_layer = layer == 0 ? nullptr : buffers_.projected.data();
  const std::array qkv = {AllRows(w.at(LinearKind::kQ), buffers_.q),
                          AllRows(w.at(LinearKind::kK), buffers_.k),
                          AllRows(w.at(LinearKind::kV), buffers_.v)};
  Project(NormedInput(w.vectors.at(VectorKind::kInputLayernorm), n_tokens, from_last_layer), qkv);
  Attend(layer, n_tokens);
  const auto as_it_is = [](int64_t) {};
  const std::array o = {AllRows(w.at(LinearKind::kO), buffers_.projected)};
  Project(Quantize(buffers_.mixed.data(), c.q_size(), n_tokens, as_it_is), o);
  ProjectGated(w, NormedInput(w.vectors.at(VectorKind::kPostAttentionLayernorm), n_tokens,
                              buffers_.projected.data()));
  const std::array down = {AllRows(w.at(LinearKind::kDown), buffers_.projected)};
  Project(Quantize(buffers_.gated.data(), c.intermediate_size, n_tokens, as_it_is), down);
}

// The norm of the residual stream, to which `added` belongs too, where it is not null.
Engine::Input Engine::NormedInput(const std::vector<float>& weight, int64_t n_tokens,
                                  const float* added) {
  const int64_t n = model_.config().hidden_size;
  return Quantize(buffers_.normed.data(), n, n_tokens, [&](int64_t token) {
    float* x = buffers_.x.data() + token * n;
    if (added != nullptr) {
      const float* y = added + token * n;
      for (int64_t i = 0; i < n; ++i) x[i] += y[i];
    }
    kernels_.rmsnorm(x, weight.data(), n, model_.config().rms_norm_eps,
                     buffers_.normed.data() + token * n);
  });
}

// In place: [n_heads, head_dim]. Nothing happens if there is no weight.
void Engine::NormHeads(const std::vector<float>& weight, int64_t n_heads, float* heads) const {
  if (weight.empty()) return;
  const int64_t dim = model_.config().head_dim;
  for (float* head = heads; head < heads + n_heads * dim; head += dim) {
    kernels_.rmsnorm(head, weight.data(), dim, model_.config().rms_norm_eps, head);
  }
}

// Quantises x[token] once prepare(token) has made it: while it is in the cache.
Engine::Input Engine::Quantize(const float* x, int64_t cols, int64_t n_tokens,
                               FunctionRef<void(int64_t)> prepare) {
  const int64_t n_blocks = (cols + format::kBlockWeights - 1) / format::kBlockWeights;
  const int64_t token_bytes = n_blocks * format::kBlockWeights;
  const bool in_panel = n_tokens >= kernels_.tile.min_panel_tokens;
  const int64_t together = in_panel ? kernels::kPanelTokens : 1;
  Loop((n_tokens + together - 1) / together, [&](int64_t begin, int64_t end, int) {
    for (int64_t first = begin * together; first < end * together; first += together) {
      const int64_t n = std::min(together, n_tokens - first);
      uint8_t* codes = buffers_.codes.data() + first * token_bytes;
      float* scales = buffers_.code_scales.data() + first;
      for (int64_t t = 0; t < n; ++t) {
        prepare(first + t);
        kernels_.quantize_activations(x + (first + t) * cols, cols, codes + t * token_bytes,
                                      scales + t);
      }
      if (!in_panel) continue;
      kernels::Arrange(kernels_.tile, {codes, scales, n, n_blocks},
                       buffers_.arranged.data() + first * token_bytes);
    }
  });
  return {x,
          cols,
          {buffers_.codes.data(), buffers_.code_scales.data(), n_tokens, n_blocks,
           in_panel ? buffers_.arranged.data() : nullptr}};
}

void Engine::Project(const Input& input, std::span<const Output> outputs) {
  ReduceLowRanks(input, outputs);
  std::array<int64_t, LowRankChunk::kMaxLayers> n_tiles = {};
  for (size_t i = 0; i < outputs.size(); ++i) n_tiles[i] = outputs[i].weight->n_tiles();
  ForTiles(n_tiles, [&](size_t i, int64_t begin, int64_t end) {
    Output output = outputs[i];
    output.y += output.weight->RowOfTile(begin);
    ProjectTiles(input, output, i, begin, end);
  });
}

// buffers_.gated = silu(gate) * up. Some rows of both are made and multiplied while they are in a
// core's caches: neither matrix's rows go to memory.
void Engine::ProjectGated(const PackedLayer& layer, const Input& input) {
  const LinearWeight& gate = layer.at(LinearKind::kGate);
  const LinearWeight& up = layer.at(LinearKind::kUp);
  const int64_t n_tokens = input.quantized.n_tokens;
  ReduceLowRanks(input, std::array{Output{&gate, nullptr, 0}, Output{&up, nullptr, 0}});
  const int64_t n_tiles = gate.n_tiles();
  const int64_t n_units = (n_tiles + kUnitTiles - 1) / kUnitTiles;
  const int64_t at_once = std::max<int64_t>(1, kGatedAtOnce / (kUnitRows * n_tokens));
  const auto some_units = [&](int64_t begin, int64_t end, Scratch& s) {
    const int64_t tile_begin = begin * kUnitTiles;
    const int64_t tile_end = std::min(n_tiles, end * kUnitTiles);
    const int64_t row = gate.RowOfTile(tile_begin);
    const int64_t n_rows = gate.RowOfTile(tile_end) - row;
    ProjectTiles(input, {&gate, s.gate.data(), n_rows}, 0, tile_begin, tile_end);
    ProjectTiles(input, {&up, s.up.data(), n_rows}, 1, tile_begin, tile_end);
    for (int64_t t = 0; t < n_tokens; ++t) {
      kernels_.silu_mul(s.gate.data() + t * n_rows, s.up.data() + t * n_rows, n_rows,
                        buffers_.gated.data() + t * gate.rows + row);
    }
  };
  Loop(
      n_units,
      [&](int64_t begin, int64_t end, int thread) {
        for (int64_t unit = begin; unit < end; unit += at_once) {
          some_units(unit, std::min(end, unit + at_once), scratch_[Index(thread)]);
        }
      },
      PartsFor(2 * n_tiles));
}

// Parts of a loop over so many tiles, for each thread.
int Engine::PartsFor(int64_t n_tiles) const {
  return static_cast<int>(
      std::clamp<int64_t>(n_tiles / (kTilesPerPart * pool_->n_threads()), 1, kPartsPerThread));
}

// Several matrices with one input share one loop over their tiles, so that threads wait only once.
void Engine::ForTiles(std::span<const int64_t> n_tiles, TileBody body) {
  const int64_t total = std::accumulate(n_tiles.begin(), n_tiles.end(), int64_t{0});
  Loop(
      total,
      [&](int64_t begin, int64_t end, int) {
        int64_t first = 0;  // of the current matrix in the common numbering
        for (size_t i = 0; i < n_tiles.size(); ++i) {
          const int64_t tile_begin = std::max<int64_t>(0, begin - first);
          const int64_t tile_end = std::min(n_tiles[i], end - first);
          if (tile_begin < tile_end) body(i, tile_begin, tile_end);
          first += n_tiles[i];
        }
      },
      PartsFor(total));
}

// The narrow product of every layer that has a low-rank part; all rows of it are needed before the
// first row of the layer is.
void Engine::ReduceLowRanks(const Input& input, std::span<const Output> outputs) {
  std::array<int64_t, LowRankChunk::kMaxLayers> n_tiles = {};
  for (size_t i = 0; i < outputs.size(); ++i) {
    const LowRankWeight* low_rank = outputs[i].weight->low_rank.get();
    if (low_rank != nullptr) n_tiles[i] = low_rank->a.n_tiles();
  }
  if (std::all_of(n_tiles.begin(), n_tiles.end(), [](int64_t n) { return n == 0; })) return;
  ForTiles(n_tiles, [&](size_t i, int64_t begin, int64_t end) {
    const kernels::PackedMatrix& a = outputs[i].weight->low_rank->a;
    kernels::Linear(kernels_.tile, a, input.quantized, begin, end,
                    low_ranks_.u(i) + a.RowOfTile(begin), a.rows);
  });
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (n_tiles[i] == 0) continue;
    low_ranks_.Quantize(i, outputs[i].weight->low_rank->rank(), input.quantized.n_tokens);
  }
}

void Engine::ProjectTiles(const Input& input, const Output& output, size_t place,
                          int64_t tile_begin, int64_t tile_end) const {
  const LinearWeight& w = *output.weight;
  const int64_t n_tokens = input.quantized.n_tokens;
  const int64_t row_begin = w.RowOfTile(tile_begin);
  const int64_t row_end = w.RowOfTile(tile_end);
  if (w.halves == nullptr) {
    kernels::Linear(kernels_.tile, w.blocks, input.quantized, tile_begin, tile_end, output.y,
                    output.stride);
  } else {
    for (int64_t row = row_begin; row < row_end; ++row) {
      for (int64_t t = 0; t < n_tokens; ++t) {
        output.y[t * output.stride + row - row_begin] =
            kernels_.dot_f16(w.halves + row * w.cols, input.x + t * input.cols, w.cols);
      }
    }
  }
  if (const LowRankWeight* low_rank = w.low_rank.get()) {
    const kernels::LowRankColumns b = {low_rank->b + row_begin, w.rows, low_rank->rank()};
    for (int64_t t = 0; t < n_tokens; ++t) {
      kernels_.add_low_rank(b, low_ranks_.Input(place, b.rank, t), row_end - row_begin,
                            output.y + t * output.stride);
    }
  }
  if (w.bias == nullptr) return;
  for (int64_t t = 0; t < n_tokens; ++t) {
    float* y = output.y + t * output.stride;
    for (int64_t row = row_begin; row < row_end; ++row) *y++ += w.bias[row];
  }
}

void Engine::Attend(int64_t layer, int64_t n_tokens) {
  const int64_t n_kv_heads = model_.config().n_kv_heads;
  const int64_t n = n_tokens * n_kv_heads;
  if (n_tokens == 1) {  // a head of a lone token needs no other's keys: one loop
    Loop(n, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t head = begin; head < end; ++head) {
        RotateAndStore(layer, 0, head);
        AttendTokens(layer, 0, 1, head, thread);
      }
    });
    return;
  }
  Loop(n, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) RotateAndStore(layer, i / n_kv_heads, i % n_kv_heads);
  });
  const int64_t together = TokensTogether(model_.config());
  const int64_t n_groups = (n_tokens + together - 1) / together;
  Loop(n_groups * n_kv_heads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t token = i / n_kv_heads * together;
      AttendGroup(layer, token, std::min(together, n_tokens - token), i % n_kv_heads, thread);
    }
  });
}

// Tokens of one text that follow each other share the reading of the cache.
void Engine::AttendGroup(int64_t layer, int64_t token, int64_t n, int64_t kv_head, int thread) {
  const Place& first = places_[Index(token)];
  const Place& last = places_[Index(token + n - 1)];
  if (first.sequence == last.sequence && first.position >= options_.window.n_sinks) {
    return AttendTokens(layer, token, n, kv_head, thread);
  }
  for (int64_t i = 0; i < n; ++i) AttendTokens(layer, token + i, 1, kv_head, thread);
}

void Engine::RotateAndStore(int64_t layer, int64_t token, int64_t kv_head) {
  const int64_t dim = model_.config().head_dim;
  const int64_t at = (token * model_.config().n_kv_heads + kv_head) * dim;
  const int64_t angles = token * dim / 2;
  float* key = buffers_.k.data() + at;
  NormHeads(model_.layers()[Index(layer)].vectors.at(VectorKind::kKNorm), 1, key);
  kernels::Rope(key, buffers_.cosines.data() + angles, buffers_.sines.data() + angles, dim, key);
  kernels_.heads.hadamard(key, dim);
  const auto [sequence, position] = places_[Index(token)];
  sequence->cache.Store(layer, kv_head, position, key, buffers_.v.data() + at);
}

// Rotates and quantises the query heads of one token, the nth of those that run together. Until the
// window has passed, sinks see the same query as all others.
void Engine::SetQueries(int64_t layer, int64_t token, int64_t n, int64_t kv_head, bool is_moved,
                        Scratch& s) {
  const ModelConfig& c = model_.config();
  const int64_t dim = c.head_dim;
  const int64_t group = c.heads_per_kv_head();
  const int64_t angles = token * dim / 2;
  float* queries = buffers_.q.data() + token * c.q_size() + kv_head * group * dim;
  NormHeads(model_.layers()[Index(layer)].vectors.at(VectorKind::kQNorm), group, queries);
  for (int64_t h = 0; h < group; ++h) {
    const float* q = queries + h * dim;
    kernels::Rope(q, buffers_.cosines.data() + angles, buffers_.sines.data() + angles, dim,
                  s.rotated.data());
    s.window.Set(n * group + h, s.rotated.data());
    if (!is_moved) continue;
    kernels::Rope(q, buffers_.sink_cosines.data() + angles, buffers_.sink_sines.data() + angles,
                  dim, s.rotated.data());
    s.sink.Set(n * group + h, s.rotated.data());
  }
}

void Engine::AttendTokens(int64_t layer, int64_t token, int64_t n, int64_t kv_head, int thread) {
  const ModelConfig& c = model_.config();
  const int64_t group = c.heads_per_kv_head();
  const int64_t token_floats = group * c.head_dim;
  Scratch& s = scratch_[static_cast<size_t>(thread)];
  const KvCache& cache = places_[Index(token)].sequence->cache;
  const int64_t first = places_[Index(token)].position;
  const int64_t last = first + n - 1;
  const bool is_moved = cache.SinkQueryPosition(last) != last;
  for (int64_t i = 0; i < n; ++i) {
    SetQueries(layer, token + i, i, kv_head, is_moved, s);
    std::fill_n(s.visible.begin() + i * group, group, cache.VisibleFrom(first, first + i));
  }
  const kernels::AttentionQuery query = {n * group, c.head_dim, s.window.view(),
                                         is_moved ? s.sink.view() : s.window.view(),
                                         n == 1 ? nullptr : s.visible.data()};
  const KvCache::Ranges ranges = cache.VisibleToAny(first, last);
  kernels_.attention(cache.Head(layer, kv_head), query, ranges.view(), s.scores.data(),
                     s.mixed.data());
  for (int64_t i = 0; i < n; ++i) {
    std::copy_n(s.mixed.begin() + i * token_floats, token_floats,
                buffers_.mixed.begin() + (token + i) * c.q_size() + kv_head * token_floats);
  }
}

}  // namespace accllm
