#include "draft_source.h"

namespace accllm::cli {
namespace {

Error NotTheSameTokens(const ModelSource& small, const std::string& difference) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("--draft-model {}: {}", small.path(), difference),
          "give a smaller model of the same family, with the same tokenizer"};
}

// That a token means the same to both. Families pad their vocabularies differently, so their sizes
// count only where there is no tokenizer.
Status CheckSameTokens(const ModelSource& source, const ModelSource& small) {
  const Tokenizer* ours = source.tokenizer();
  const Tokenizer* theirs = small.tokenizer();
  if (ours == nullptr || theirs == nullptr) {
    const int64_t size = source.config().vocab_size;
    const int64_t small_size = small.config().vocab_size;
    if (size == small_size) return {};
    return tl::unexpected(NotTheSameTokens(
        small, fmt::format("it has {} tokens, {} has {}", small_size, source.path(), size)));
  }
  const int64_t n = std::max(ours->vocab_size(), theirs->vocab_size());
  for (int64_t i = 0; i < n; ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string piece = ours->Piece(id);
    const std::string small_piece = theirs->Piece(id);
    if (piece == small_piece) continue;
    return tl::unexpected(
        NotTheSameTokens(small, fmt::format("token {} is \"{}\", of {} it is \"{}\"", id,
                                            small_piece, source.path(), piece)));
  }
  return {};
}

Error IsCheckpoint(const std::string& path) {
  return {ErrorCode::kUnsupported,
          fmt::format("--draft-model: {} is a checkpoint, which takes no token back", path),
          "`accllm compress` makes a packed file of it; give that"};
}

}  // namespace

Result<DraftSource> DraftSource::Open(const RunFlags& flags, const ModelSource& source,
                                      const LanguageModel& model) {
  DraftSource draft;
  if (flags.draft_model.empty() || flags.draft == 0) return draft;
  const auto* engine = dynamic_cast<const Engine*>(&model);
  if (engine == nullptr) return tl::unexpected(IsCheckpoint(source.path()));
  ACCLLM_ASSIGN_OR_RETURN(const ModelSource small, ModelSource::Open(flags.draft_model));
  if (!small.is_packed()) return tl::unexpected(IsCheckpoint(small.path()));
  ACCLLM_RETURN_IF_ERROR(CheckSameTokens(source, small));
  EngineOptions options;
  options.window = small.attention();
  options.max_tokens = small.config().max_position_embeddings;
  options.chunk = flags.chunk;
  ACCLLM_ASSIGN_OR_RETURN(draft.engine_, small.LoadEngine(options, engine->threads()));
  draft.watched_ =
      std::make_unique<WatchedModel>(*draft.engine_, WatchedModel::GoesOnUnlessInterrupted);
  draft.draft_ = std::make_unique<DraftModel>(*draft.watched_, model.vocab_size());
  return draft;
}

}  // namespace accllm::cli
