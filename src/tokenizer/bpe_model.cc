#include "tokenizer/bpe_model.h"

#include <algorithm>
#include <utility>

#include "tokenizer/utf8.h"

namespace accllm {
namespace {

// Where a mark follows something else, from `from` on.
size_t FindWordStart(std::string_view text, size_t from) {
  size_t at = text.find(kSpaceMark, from);
  while (at != std::string_view::npos && text.substr(0, at).ends_with(kSpaceMark)) {
    at = text.find(kSpaceMark, at + kSpaceMark.size());
  }
  return at;
}

}  // namespace

BpeModel::BpeModel(BpeSpec spec) : spec_(std::move(spec)), merger_(spec_.merges) {
  if (spec_.byte_level) {
    for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
      const char text = static_cast<char>(byte);
      const auto it = spec_.ids.find(std::string_view(&text, 1));
      if (it != spec_.ids.end()) byte_ids_[byte] = it->second;
    }
  }
  for (size_t i = 0; i < spec_.hidden_chars.size(); ++i) {
    hidden_ids_.emplace(spec_.hidden_chars[i], spec_.n_ids + static_cast<int32_t>(i));
  }
  splits_at_marks_ = !spec_.byte_level && !spec_.ignore_merges && MergesStayBetweenMarks();
  std::vector<BpeMerger::Merge>().swap(spec_.merges);
}

bool BpeModel::MergesStayBetweenMarks() const {
  std::vector<bool> is_result(static_cast<size_t>(spec_.n_ids), false);
  for (const auto& merge : spec_.merges) is_result[static_cast<size_t>(merge.result)] = true;
  // A mark that is unknown could be fused with an unknown character before it.
  if (!spec_.ids.contains(kSpaceMark)) return false;
  return std::ranges::none_of(spec_.ids, [&](const auto& entry) {
    return is_result[static_cast<size_t>(entry.second)] &&
           FindWordStart(entry.first, 1) != std::string_view::npos;
  });
}

void BpeModel::AppendUnknown(std::string_view character, std::vector<int32_t>* symbols) const {
  const bool has_bytes = std::ranges::all_of(
      character, [&](char c) { return spec_.fallback_ids[static_cast<uint8_t>(c)] >= 0; });
  if (has_bytes) {
    for (const char c : character) {
      symbols->push_back(spec_.fallback_ids[static_cast<uint8_t>(c)]);
    }
  } else if (spec_.unk_id >= 0) {
    const bool follows_unk = !symbols->empty() && symbols->back() == spec_.unk_id;
    if (!(spec_.fuse_unk && follows_unk)) symbols->push_back(spec_.unk_id);
  }
}

void BpeModel::AppendCharacter(std::string_view character, std::vector<int32_t>* symbols) const {
  if (const auto it = spec_.ids.find(character); it != spec_.ids.end()) {
    symbols->push_back(it->second);
  } else if (const auto hidden = hidden_ids_.find(character); hidden != hidden_ids_.end()) {
    symbols->push_back(hidden->second);
  } else {
    AppendUnknown(character, symbols);
  }
}

void BpeModel::ReplaceHidden(std::vector<int32_t>* symbols) const {
  if (spec_.hidden_chars.empty()) return;
  std::vector<int32_t> result;
  result.reserve(symbols->size());
  for (const int32_t symbol : *symbols) {
    if (symbol >= spec_.n_ids) {
      AppendUnknown(spec_.hidden_chars[static_cast<size_t>(symbol - spec_.n_ids)], &result);
    } else if (symbol != spec_.unk_id || result.empty() || result.back() != symbol) {
      result.push_back(symbol);
    }
  }
  symbols->swap(result);
}

void BpeModel::EncodeWord(std::string_view word, Scratch* scratch,
                          std::vector<int32_t>* ids) const {
  const std::span<const int32_t> known = scratch->cache.Find(word);
  if (!known.empty()) {
    ids->insert(ids->end(), known.begin(), known.end());
    return;
  }
  std::vector<int32_t>& symbols = scratch->symbols;
  symbols.clear();
  const auto whole = spec_.ignore_merges ? spec_.ids.find(word) : spec_.ids.end();
  if (whole != spec_.ids.end()) {
    symbols.push_back(whole->second);
  } else {
    for (size_t at = 0; at < word.size();) {
      const size_t length = spec_.byte_level ? 1 : Utf8Length(word[at]);
      const int32_t byte_id = byte_ids_[static_cast<uint8_t>(word[at])];
      if (byte_id >= 0) {
        symbols.push_back(byte_id);
      } else {
        AppendCharacter(word.substr(at, length), &symbols);
      }
      at += length;
    }
    merger_.Apply(&symbols, &scratch->merger);
    ReplaceHidden(&symbols);
  }
  scratch->cache.Insert(word, symbols);
  ids->insert(ids->end(), symbols.begin(), symbols.end());
}

void BpeModel::EncodeMarkedText(std::string_view text, Scratch* scratch,
                                std::vector<int32_t>* ids) const {
  while (splits_at_marks_ && !text.empty()) {
    const size_t end = std::min(FindWordStart(text, 1), text.size());
    EncodeWord(text.substr(0, end), scratch, ids);
    text.remove_prefix(end);
  }
  if (!text.empty()) EncodeWord(text, scratch, ids);
}

ScratchPool::Lease::Lease(ScratchPool& pool) : pool_(pool) {
  {
    const std::lock_guard lock(pool_.mutex_);
    if (!pool_.free_.empty()) {
      scratch_ = std::move(pool_.free_.back());
      pool_.free_.pop_back();
    }
  }
  if (scratch_ == nullptr) scratch_ = std::make_unique<BpeModel::Scratch>();
}

ScratchPool::Lease::~Lease() {
  const std::lock_guard lock(pool_.mutex_);
  pool_.free_.push_back(std::move(scratch_));
}

}  // namespace accllm
