#include "model_source.h"

#include <charconv>
#include <filesystem>

#include "base/cpu_topology.h"
#include "stored_text.h"
#include "watched_model.h"

namespace accllm::cli {
namespace {

Result<int64_t> ParseWindow(const std::string& text) {
  if (text == "all") return AttentionWindow::kAll;
  int64_t window = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), window);
  if (error != std::errc() || end != text.data() + text.size() || window < 1) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--window {}: not a window", text),
                "give a number of tokens, at least 1, or all");
  }
  return window;
}

}  // namespace

Result<CheckpointSource> OpenCheckpoint(const std::string& path) {
  CheckpointSource source;
  ACCLLM_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Open(path));
  source.checkpoint = std::make_unique<Checkpoint>(std::move(checkpoint));
  ACCLLM_ASSIGN_OR_RETURN(source.tokenizer, OpenTokenizer(*source.checkpoint));
  ACCLLM_ASSIGN_OR_RETURN(source.text,
                          TextSettings::Of(*source.checkpoint, source.tokenizer.chat_template));
  return source;
}

AttentionWindow DefaultAttention(const ModelConfig& config) {
  AttentionWindow attention;
  const int64_t trained = config.sliding_window > 0
                              ? std::min(config.sliding_window, config.max_position_embeddings)
                              : config.max_position_embeddings;
  attention.window = std::max<int64_t>(1, trained - attention.n_sinks);
  return attention;
}

std::string NameOfPath(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return normal.has_filename() ? normal.filename().string()
                               : normal.parent_path().filename().string();
}

Result<ModelSource> ModelSource::Open(const std::string& path) {
  ModelSource source;
  source.path_ = path;
  ACCLLM_RETURN_IF_ERROR(Checkpoint::IsAt(path) ? source.OpenCheckpointSource()
                                                : source.OpenPacked());
  return source;
}

Status ModelSource::OpenPacked() {
  ACCLLM_ASSIGN_OR_RETURN(PackedFile packed, PackedFile::Open(path_));
  packed_ = std::make_unique<PackedFile>(std::move(packed));
  attention_ = packed_->metadata().attention;
  ACCLLM_ASSIGN_OR_RETURN(StoredText stored,
                          ReadStoredText(packed_->metadata(), packed_->tokenizer(), path_));
  tokenizer_ = std::move(stored.tokenizer);
  text_ = std::move(stored.settings);
  add_bos_token_ = stored.add_bos_token;
  return {};
}

Status ModelSource::OpenCheckpointSource() {
  ACCLLM_ASSIGN_OR_RETURN(checkpoint_, OpenCheckpoint(path_));
  attention_ = DefaultAttention(config());
  LoadedTokenizer& source = checkpoint_.tokenizer;
  add_bos_token_ = source.add_bos_token;
  text_ = checkpoint_.text;
  if (!source.tokenizer) return {};
  ACCLLM_RETURN_IF_ERROR(CheckTokenizer(*source.tokenizer, config(), source.path));
  tokenizer_ = std::move(source.tokenizer);
  return {};
}

Result<const Tokenizer*> ModelSource::RequireTokenizer(const std::string& remedy) const {
  if (tokenizer_) return &*tokenizer_;
  return Fail(ErrorCode::kUnsupported, fmt::format("{}: has no tokenizer", path_), remedy);
}

Result<std::unique_ptr<Engine>> ModelSource::LoadEngine(EngineOptions options,
                                                        std::shared_ptr<ThreadPool> threads) const {
  ACCLLM_ASSIGN_OR_RETURN(options.isa, SelectIsa());
  return Engine::Load(*packed_, options, std::move(threads));
}

Result<std::unique_ptr<LanguageModel>> ModelSource::LoadFloat(
    AttentionWindow window, reference::SimulatedPrecision precision) {
  if (weights_ == nullptr) {
    ACCLLM_ASSIGN_OR_RETURN(weights_, is_packed() ? reference::WeightsOf(*packed_)
                                                  : reference::WeightsOf(*checkpoint_.checkpoint));
  }
  return std::make_unique<reference::FloatModel>(*weights_, window, precision);
}

Result<std::unique_ptr<LanguageModel>> ModelSource::LoadModel(const EngineOptions& options) {
  if (is_packed()) return LoadEngine(options);
  return LoadFloat(options.window);
}

void RunFlags::DeclareAttention(OptionTable& table, const std::string& default_window,
                                const std::string& default_sinks) {
  table.Value("--window", "W|all", window,
              fmt::format("Tokens that stay visible beside the sinks, or all for full attention; "
                          "default: {}",
                          default_window));
  table
      .Value("--sinks", "S", sinks,
             fmt::format("First tokens that stay visible; default: {}", default_sinks))
      .NonNegative();
}

void RunFlags::DeclareContext(OptionTable& table) {
  table
      .Value("--context", "N", context,
             "Most tokens with --window all; default: the context the model was trained with")
      .NoDefault()
      .Positive();
}

void RunFlags::DeclareThreads(OptionTable& table) {
  table.Value("-t,--threads", "N", threads, "Threads; default: one per core")
      .NoDefault()
      .InRange(1, 1024);
}

void RunFlags::DeclareEngine(OptionTable& table) {
  table.Value("--chunk", "N", chunk, "Tokens of a prompt that are run together").InRange(1, 4096);
  table.Flag("--pin-threads", pin_threads,
             "Keep each thread on a CPU of its own, one a core first; for a machine that nothing "
             "else uses");
}

void RunFlags::DeclareDraft(OptionTable& table) {
  table
      .Value("--draft", "N", draft,
             "Tokens, at most, that a pass guesses from what the text said before, when that saves "
             "time; they never change the text; 0: none")
      .InRange(0, WatchedModel::kShortCall - 1);
}

void RunFlags::DeclareDraftModel(OptionTable& table) {
  table
      .Value("--draft-model", "FILE", draft_model,
             "Packed file of a small model with the same tokenizer, which guesses where the text "
             "does not repeat itself")
      .NoDefault();
}

int RunFlags::n_threads() const { return threads > 0 ? threads : ThisCpuTopology().n_threads(); }

Result<AttentionWindow> RunFlags::Attention(AttentionWindow attention) const {
  if (!window.empty()) {
    ACCLLM_ASSIGN_OR_RETURN(attention.window, ParseWindow(window));
  }
  attention.n_sinks = sinks.value_or(attention.n_sinks);
  return attention;
}

Result<int64_t> RunFlags::MaxTokens(AttentionWindow attention, int64_t trained) const {
  if (context == 0) return trained;
  if (attention.window == AttentionWindow::kAll) return context;
  return Fail(ErrorCode::kInvalidArgument, "--context has no meaning with a window",
              "leave it out: a window has no end; or give --window all");
}

Result<EngineOptions> RunFlags::Engine(const ModelSource& source) const {
  EngineOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.window, Attention(source.attention()));
  ACCLLM_ASSIGN_OR_RETURN(options.max_tokens,
                          MaxTokens(options.window, source.config().max_position_embeddings));
  options.n_threads = n_threads();
  options.chunk = chunk;
  options.pin_threads = pin_threads;
  return options;
}

}  // namespace accllm::cli
