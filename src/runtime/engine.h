// The CPU engine: W2A8KV4 with Λ-shaped attention, threads and SIMD; the same numbers as
// reference/integer_model.h, bit for bit.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "base/isa.h"
#include "base/language_model.h"
#include "kernels/attention/query_heads.h"
#include "kernels/rope/rope.h"
#include "runtime/chunk_buffers.h"
#include "runtime/kv_cache.h"
#include "runtime/packed_model.h"

namespace accllm {

struct EngineOptions {
  AttentionWindow window;
  int64_t max_tokens = 0;  // context of full attention; not used with a window
  int n_threads = 1;
  Isa isa = Isa::kScalar;
  int64_t chunk = 128;  // tokens of a prompt that are run together
  // A pass whose loops read less, in bytes of weights and cache times tokens, runs on the caller's
  // thread: waiting for others would take longer than what they save.
  int64_t min_loop_bytes = 64 << 10;
  bool pin_threads = false;  // each to a CPU of its own, the caller's too, while the engine lives
};

class Engine final : public LanguageModel {
 public:
  // A text that the engine reads: its cache and how far it is.
  struct Sequence {
    KvCache cache;
    int64_t position = 0;
  };

  // The file may be closed afterwards. With `threads` the engine runs on those, not on n_threads of
  // its own; engines that share them run one at a time.
  // Errors: kCorrupt, kInvalidArgument, kOutOfMemory.
  static Result<std::unique_ptr<Engine>> Load(const PackedFile& file, EngineOptions options,
                                              std::shared_ptr<ThreadPool> threads = nullptr);

  int64_t vocab_size() const override { return model_.config().vocab_size; }
  int64_t position() const override { return own_.position; }
  void Reset() override { own_.position = 0; }
  Status Append(std::span<const int32_t> tokens, int64_t n_logits, float* logits) override;
  // The ring has room for a chunk beside the window, so what a chunk overwrote had left it.
  int64_t max_rewind() const override { return options_.chunk; }
  void Rewind(int64_t n_tokens) override { own_.position -= n_tokens; }

  // Another text, with a cache of its own, independent of that which the calls above append to.
  // Errors: kOutOfMemory.
  Result<Sequence> NewSequence() const;

  // As Append, of another text.
  Status AppendTo(Sequence& sequence, std::span<const int32_t> tokens, int64_t n_logits,
                  float* logits);

  // One token for each of several texts in one pass over the weights, at most a chunk of them; each
  // gets the bits that it would get alone. logits: [n_sequences, vocab_size].
  // Errors: those of Append; kInvalidArgument if a text occurs twice.
  Status AppendTogether(std::span<Sequence* const> sequences, std::span<const int32_t> tokens,
                        float* logits);

  const PackedModel& model() const { return model_; }
  const KvCache& cache() const { return own_.cache; }
  const std::shared_ptr<ThreadPool>& threads() const { return pool_; }

 private:
  // What a linear layer takes: float rows, and the same quantised.
  struct Input {
    const float* x;  // [n_tokens, cols]
    int64_t cols;
    kernels::QuantizedRows quantized;
  };

  // Per thread, for the query heads of one KV head that attend together.
  struct Scratch {
    std::vector<float> rotated;  // [head_dim]
    kernels::QueryHeads window;
    kernels::QueryHeads sink;
    std::vector<kernels::VisibleSlots> visible;  // [heads]
    std::vector<float> mixed;                    // [heads, head_dim]
    std::vector<float> scores;
    std::vector<float> gate;  // [n_tokens, rows at once] of the MLP
    std::vector<float> up;    // the same
  };

  struct Output {
    const LinearWeight* weight;
    float* y;        // [n_tokens, stride], rows one after another
    int64_t stride;  // floats from a token to the next
  };
  static Output AllRows(const LinearWeight& weight, std::span<float> y) {
    return {&weight, y.data(), weight.rows};
  }

  Engine(const EngineOptions& options, std::shared_ptr<ThreadPool> pool, PackedModel model,
         KvCache cache, ChunkBuffers buffers);
  void AllocateScratch();
  Status CheckRoom(const Sequence& sequence, int64_t n_tokens) const;
  // The tokens go to places_.
  Status RunChunk(std::span<const int32_t> tokens, int64_t n_logits, float* logits);
  int64_t BytesPerLoop() const;
  void Loop(int64_t n, FunctionRef<void(int64_t, int64_t, int)> body, int parts_per_thread = 1);
  void RunLayer(int64_t layer, int64_t n_tokens);
  Input NormedInput(const std::vector<float>& weight, int64_t n_tokens, const float* added);
  void NormHeads(const std::vector<float>& weight, int64_t n_heads, float* heads) const;
  Input Quantize(const float* x, int64_t cols, int64_t n_tokens,
                 FunctionRef<void(int64_t token)> prepare);
  void Project(const Input& input, std::span<const Output> outputs);
  using TileBody = FunctionRef<void(size_t matrix, int64_t tile_begin, int64_t tile_end)>;
  void ForTiles(std::span<const int64_t> n_tiles, TileBody body);
  void ProjectGated(const PackedLayer& layer, const Input& input);
  int PartsFor(int64_t n_tiles) const;
  void ReduceLowRanks(const Input& input, std::span<const Output> outputs);
  // output.y: of the first of these rows.
  void ProjectTiles(const Input& input, const Output& output, size_t place, int64_t tile_begin,
                    int64_t tile_end) const;
  void Attend(int64_t layer, int64_t n_tokens);
  void RotateAndStore(int64_t layer, int64_t token, int64_t kv_head);
  void AttendGroup(int64_t layer, int64_t token, int64_t n, int64_t kv_head, int thread);
  void SetQueries(int64_t layer, int64_t token, int64_t n, int64_t kv_head, bool is_moved,
                  Scratch& s);
  void AttendTokens(int64_t layer, int64_t token, int64_t n, int64_t kv_head, int thread);

  EngineOptions options_;
  const kernels::KernelTable& kernels_;
  std::shared_ptr<ThreadPool> pool_;
  PackedModel model_;
  Sequence own_;
  kernels::RopeFrequencies frequencies_;

  // Where each token of a chunk goes.
  struct Place {
    Sequence* sequence;
    int64_t position;
  };
  std::vector<Place> places_;

  ChunkBuffers buffers_;
  int64_t layer_bytes_;           // of weights, read for a token, a layer's share
  bool is_alone_ = false;         // this pass runs on the caller's thread only
  LowRankChunk low_ranks_;        // of the layers that run together
  std::vector<Scratch> scratch_;  // [n_threads]
};

}  // namespace accllm
