// A model to run, from a packed file or a checkpoint, with everything that comes with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/language_model.h"
#include "base/model_config.h"
#include "checkpoint/checkpoint.h"
#include "options.h"
#include "packed/packed_file.h"
#include "reference/float_model.h"
#include "reference/float_weights.h"
#include "runtime/engine.h"
#include "text_settings.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer_source.h"

namespace accllm::cli {

// A checkpoint (folder or GGUF file) as the verbs need it: the tokenizer is optional.
struct CheckpointSource {
  std::unique_ptr<Checkpoint> checkpoint;
  LoadedTokenizer tokenizer;
  TextSettings text;
};

// Errors: those of reading.
Result<CheckpointSource> OpenCheckpoint(const std::string& path);

// The default of models that name no other: four sinks and the rest of the trained context.
AttentionWindow DefaultAttention(const ModelConfig& config);

// The last component of a path, which is how files name their sources.
std::string NameOfPath(const std::string& path);

class ModelSource {
 public:
  // A folder or a GGUF file is a checkpoint, another file a packed model. Errors: those of reading.
  static Result<ModelSource> Open(const std::string& path);

  bool is_packed() const { return packed_ != nullptr; }
  const PackedFile& packed() const { return *packed_; }
  const ModelConfig& config() const {
    return is_packed() ? packed_->config() : checkpoint_.checkpoint->config();
  }
  AttentionWindow attention() const { return attention_; }
  // Whether a text starts with BOS, and the model has one.
  bool starts_with_bos() const { return add_bos_token_ && config().bos_token_id >= 0; }
  const std::string& path() const { return path_; }
  const TextSettings& text() const { return text_; }

  const Tokenizer* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }
  // Errors: kUnsupported if there is none; `remedy` says what to do then.
  Result<const Tokenizer*> RequireTokenizer(const std::string& remedy) const;

  // The engine on a packed file. `options.isa` is chosen here; `threads` as Engine::Load has them.
  Result<std::unique_ptr<Engine>> LoadEngine(EngineOptions options,
                                             std::shared_ptr<ThreadPool> threads = nullptr) const;

  // The float model, on the checkpoint or on dequantised weights; `this` must outlive it. Models of
  // one source share their weights.
  Result<std::unique_ptr<LanguageModel>> LoadFloat(AttentionWindow window,
                                                   reference::SimulatedPrecision precision = {});

  // What generates text: the engine on a packed file, the float model on a checkpoint.
  Result<std::unique_ptr<LanguageModel>> LoadModel(const EngineOptions& options);

 private:
  ModelSource() = default;
  Status OpenPacked();
  Status OpenCheckpointSource();

  std::string path_;
  std::unique_ptr<PackedFile> packed_;
  CheckpointSource checkpoint_;
  std::unique_ptr<reference::FloatWeights> weights_;
  std::optional<Tokenizer> tokenizer_;
  AttentionWindow attention_;
  bool add_bos_token_ = true;
  TextSettings text_;
};

// The options about attention and threads that several verbs share.
struct RunFlags {
  std::string window;  // a number, "all", or empty: the model's own
  std::optional<int64_t> sinks;
  int64_t context = 0;  // 0: the model's
  int threads = 0;      // 0: one a core
  int64_t chunk = 128;
  bool pin_threads = false;
  int64_t draft = 7;
  std::string draft_model;

  // The texts say what holds without the options.
  void DeclareAttention(OptionTable& table, const std::string& default_window = "the model's own",
                        const std::string& default_sinks = "the model's own");
  void DeclareContext(OptionTable& table);
  void DeclareThreads(OptionTable& table);
  void DeclareEngine(OptionTable& table);
  void DeclareDraft(OptionTable& table);
  void DeclareDraftModel(OptionTable& table);

  int n_threads() const;

  // `window` and `sinks` over the defaults `attention`. Errors: kInvalidArgument.
  Result<AttentionWindow> Attention(AttentionWindow attention) const;

  // Tokens that full attention holds, of which `trained` is the default. Errors: kInvalidArgument
  // if
  // --context was given beside a window.
  Result<int64_t> MaxTokens(AttentionWindow attention, int64_t trained) const;

  // What the engine needs to run `source`. Errors: kInvalidArgument.
  Result<EngineOptions> Engine(const ModelSource& source) const;
};

}  // namespace accllm::cli
