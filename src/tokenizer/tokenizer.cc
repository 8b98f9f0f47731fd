#include "tokenizer/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cassert>
#include <exception>
#include <iterator>
#include <utility>

#include "base/thread_pool.h"
#include "tokenizer/sentencepiece_proto.h"
#include "tokenizer/utf8.h"

// Exported by the library, but declared in none of its installed headers.
namespace sentencepiece::logging {
void SetMinLogLevel(int level);
}

namespace accllm {
namespace {

constexpr int kLogNothing = 4;  // above INFO, WARNING, ERROR and FATAL
constexpr uint8_t kNewline = '\n';
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581, a piece's spelling of a space

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

}  // namespace

struct Tokenizer::State {
  sentencepiece::SentencePieceProcessor processor;
  SentencePieceModel model;
  int32_t newline_id = -1;  // of the byte token <0x0A>, -1: none
};

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&& other) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&& other) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::FromSentencePiece(std::span<const uint8_t> model_bytes,
                                               const std::string& path) {
  auto state = std::make_unique<State>();
  ACCLLM_ASSIGN_OR_RETURN(state->model, ParseSentencePieceModel(model_bytes, path));
  sentencepiece::logging::SetMinLogLevel(kLogNothing);
  try {
    const auto status = state->processor.LoadFromSerializedProto(state->model.checked_proto);
    if (!status.ok()) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("{}: sentencepiece: {}", path, status.error_message()));
    }
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kOutOfMemory,
                fmt::format("{}: cannot load sentencepiece model: {}", path, e.what()));
  }
  std::string().swap(state->model.checked_proto);
  for (size_t id = 0; id < state->model.pieces.size(); ++id) {
    const auto& piece = state->model.pieces[id];
    if (piece.type == PieceType::kByte && piece.byte == kNewline) {
      state->newline_id = static_cast<int32_t>(id);
    }
  }
  return Tokenizer(std::move(state));
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text) const {
  assert(text.size() <= kMaxTextBytes);
  std::vector<int> ids;
  // A checked model leaves Encode no reason to fail; the status of a loaded processor is OK.
  (void)state_->processor.Encode(absl::string_view(text.data(), text.size()), &ids);
  return ids;
}

Result<std::vector<int32_t>> Tokenizer::EncodeLines(std::string_view text) const {
  if (state_->newline_id < 0) {
    return Fail(ErrorCode::kUnsupported, "the vocabulary has no byte token <0x0A>",
                "encode the text as a whole");
  }
  const int n_parts = text.size() < kParallelBytes ? 1 : AvailableCpus();
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
    const std::vector<int32_t> line_ids = Encode(line);
    ids->insert(ids->end(), line_ids.begin(), line_ids.end());
    ids->push_back(state_->newline_id);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  StreamingDecoder decoder(*this);
  std::string text;
  for (const int32_t id : ids) text += decoder.Push(id);
  return text + decoder.Flush();
}

std::string Tokenizer::Piece(int32_t id) const {
  if (id < 0 || id >= vocab_size()) return {};
  return state_->model.pieces[static_cast<size_t>(id)].text;
}

int64_t Tokenizer::vocab_size() const { return static_cast<int64_t>(state_->model.pieces.size()); }
int32_t Tokenizer::bos_id() const { return state_->processor.bos_id(); }
int32_t Tokenizer::eos_id() const { return state_->processor.eos_id(); }
int32_t Tokenizer::unk_id() const { return state_->processor.unk_id(); }

std::string StreamingDecoder::Push(int32_t id) {
  if (id < 0 || id >= tokenizer_->vocab_size()) return {};
  const SentencePieceModel::Piece& piece =
      tokenizer_->state_->model.pieces[static_cast<size_t>(id)];
  std::string text;
  if (piece.type == PieceType::kByte) {
    pending_bytes_.push_back(static_cast<char>(piece.byte));
    DrainBytes(/*is_final=*/false, &text);
  } else {
    DrainBytes(/*is_final=*/true, &text);
    // Only white space at the very start is the encoder's; bytes count as text.
    if (removed_space_ || has_text_ || !text.empty()) is_start_ = false;
    text += DecodePiece(id);
  }
  has_text_ = has_text_ || !text.empty();
  return text;
}

std::string StreamingDecoder::Flush() {
  std::string text;
  DrainBytes(/*is_final=*/true, &text);
  *this = StreamingDecoder(*tokenizer_);
  return text;
}

// The text of a piece that is not a byte.
std::string StreamingDecoder::DecodePiece(int32_t id) {
  const SentencePieceModel& model = tokenizer_->state_->model;
  const SentencePieceModel::Piece& piece = model.pieces[static_cast<size_t>(id)];
  removed_space_ = false;
  if (piece.type == PieceType::kControl) return {};
  if (piece.type == PieceType::kUnknown) return model.unk_surface;
  std::string_view rest = piece.text;
  if (is_start_ && (model.add_dummy_prefix || model.remove_extra_whitespaces) &&
      rest.starts_with(kSpaceMark)) {
    rest.remove_prefix(kSpaceMark.size());
    // The encoder adds one space; if it also squeezes spaces, all leading ones are removed.
    removed_space_ = !model.remove_extra_whitespaces;
  }
  std::string text;
  while (!rest.empty()) {
    const size_t mark = rest.find(kSpaceMark);
    text += rest.substr(0, mark);
    if (mark == std::string_view::npos) break;
    text += ' ';
    rest.remove_prefix(mark + kSpaceMark.size());
  }
  return text;
}

// Moves what is decided of the pending bytes to `text`; all of them if no more can come.
void StreamingDecoder::DrainBytes(bool is_final, std::string* text) {
  std::string_view bytes = pending_bytes_;
  while (!bytes.empty()) {
    const Utf8Step step = FirstCodePoint(bytes);
    if (step.state == Utf8State::kComplete) {
      text->append(bytes.substr(0, step.length));
      bytes.remove_prefix(step.length);
    } else if (step.state == Utf8State::kInvalid || is_final) {
      text->append(kReplacementCharacter);
      bytes.remove_prefix(1);
    } else {
      break;
    }
  }
  pending_bytes_.erase(0, pending_bytes_.size() - bytes.size());
}

}  // namespace accllm
