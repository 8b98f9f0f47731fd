#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "base/cpu_topology.h"
#include "base/thread_pool.h"
#include "tokenizer/bpe_backend.h"
#include "tokenizer/sentencepiece_backend.h"
#include "tokenizer/tokenizer_backend.h"

namespace accllm {
namespace {

constexpr size_t kParallelBytes = size_t{1} << 16;  // less is not worth starting threads

// `n_parts` near-equal parts, each but the last ending in a newline; some may be empty.
std::vector<std::string_view> SplitAtLines(std::string_view text, int n_parts) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (int i = 1; i <= n_parts; ++i) {
    const size_t target = text.size() / static_cast<size_t>(n_parts) * static_cast<size_t>(i);
    const size_t newline = i == n_parts ? std::string_view::npos : text.find('\n', target);
    const size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    parts.push_back(text.substr(begin, std::max(end, begin) - begin));
    begin = std::max(end, begin);
  }
  return parts;
}

// A protobuf message cannot start with '{': that byte calls for a group, which they don't have.
bool IsJson(std::span<const uint8_t> bytes) {
  const auto first = std::ranges::find_if(
      bytes, [](uint8_t b) { return b != ' ' && b != '\t' && b != '\n' && b != '\r'; });
  return first != bytes.end() && *first == '{';
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const TokenizerBackend> backend)
    : backend_(std::move(backend)) {}
Tokenizer::Tokenizer(Tokenizer&& other) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::Load(std::span<const uint8_t> bytes, const std::string& path) {
  if (IsJson(bytes)) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    ACCLLM_ASSIGN_OR_RETURN(auto backend, LoadTokenizerJson(text, path));
    return Tokenizer(std::move(backend));
  }
  ACCLLM_ASSIGN_OR_RETURN(auto backend, LoadSentencePiece(bytes, path));
  return Tokenizer(std::move(backend));
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, SpecialTokens special) const {
  assert(text.size() <= kMaxTextBytes);
  std::vector<int32_t> ids;
  backend_->Encode(text, special, &ids);
  return ids;
}

Result<std::vector<int32_t>> Tokenizer::EncodeLines(std::string_view text) const {
  if (backend_->newline_id() < 0) {
    return Fail(ErrorCode::kUnsupported, "the vocabulary has no newline token",
                "encode the text as a whole");
  }
  const int n_parts = text.size() < kParallelBytes ? 1 : ThisCpuTopology().n_usable();
  const std::vector<std::string_view> parts = SplitAtLines(text, n_parts);
  std::vector<std::vector<int32_t>> part_ids(parts.size());
  ThreadPool pool(n_parts);
  pool.ParallelFor(std::ssize(parts), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto part = static_cast<size_t>(i);
      AppendLines(parts[part], &part_ids[part]);
    }
  });
  std::vector<int32_t> ids = std::move(part_ids[0]);
  for (size_t i = 1; i < part_ids.size(); ++i) {
    ids.insert(ids.end(), part_ids[i].begin(), part_ids[i].end());
  }
  return ids;
}

void Tokenizer::AppendLines(std::string_view text, std::vector<int32_t>* ids) const {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    backend_->Encode(line, SpecialTokens::kAsText, ids);
    ids->push_back(backend_->newline_id());
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  const std::unique_ptr<PieceDecoder> decoder = backend_->NewDecoder();
  std::string text;
  for (const int32_t id : ids) text += decoder->Push(id);
  return text + decoder->Flush();
}

std::string Tokenizer::Piece(int32_t id) const { return backend_->Piece(id); }
int64_t Tokenizer::vocab_size() const { return backend_->vocab_size(); }
int32_t Tokenizer::bos_id() const { return backend_->bos_id(); }
int32_t Tokenizer::eos_id() const { return backend_->eos_id(); }
int32_t Tokenizer::unk_id() const { return backend_->unk_id(); }
bool Tokenizer::adds_bos() const { return backend_->adds_bos(); }

StreamingDecoder::StreamingDecoder(const Tokenizer& tokenizer)
    : decoder_(tokenizer.backend_->NewDecoder()) {}
StreamingDecoder::StreamingDecoder(StreamingDecoder&& other) noexcept = default;
StreamingDecoder& StreamingDecoder::operator=(StreamingDecoder&& other) noexcept = default;
StreamingDecoder::~StreamingDecoder() = default;

std::string StreamingDecoder::Push(int32_t id) { return decoder_->Push(id); }
std::string StreamingDecoder::Flush() { return decoder_->Flush(); }

}  // namespace accllm
