// A BPE vocabulary: from the bytes of a word to its ids.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/bpe_merger.h"
#include "tokenizer/word_cache.h"

namespace accllm {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using StringIds = std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>>;

// What a BPE vocabulary consists of.
struct BpeSpec {
  StringIds ids;  // of texts; with `byte_level` of raw bytes
  std::vector<BpeMerger::Merge> merges;
  // Characters that are no token but take part in merges: symbol n_ids + i is hidden_chars[i], and
  // becomes bytes or unk_id if it stays alone.
  std::vector<std::string> hidden_chars;
  int32_t n_ids = 0;
  bool byte_level = false;     // words start as bytes, not as characters
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  bool fuse_unk = false;       // one unk_id for unknown characters in a row
  int32_t unk_id = -1;         // -1: unknown characters vanish
  // Tokens of single bytes for unknown characters, -1: none.
  std::array<int32_t, 256> fallback_ids = NoBytes();

  static std::array<int32_t, 256> NoBytes() {
    std::array<int32_t, 256> ids;
    ids.fill(-1);
    return ids;
  }
};

class BpeModel {
 public:
  // What a thread needs while it encodes.
  struct Scratch {
    WordCache cache;
    BpeMerger::Scratch merger;
    std::vector<int32_t> symbols;
  };

  explicit BpeModel(BpeSpec spec);

  // Appends the ids of a valid UTF-8 word, in O(n log n).
  void EncodeWord(std::string_view word, Scratch* scratch, std::vector<int32_t>* ids) const;

  // The same for a text whose spaces are U+2581, which need not be cut into words.
  void EncodeMarkedText(std::string_view text, Scratch* scratch, std::vector<int32_t>* ids) const;

  // Whether EncodeMarkedText may cut at each U+2581 that follows something else, because no merge
  // reaches across.
  bool splits_at_marks() const { return splits_at_marks_; }

 private:
  void AppendCharacter(std::string_view character, std::vector<int32_t>* symbols) const;
  void AppendUnknown(std::string_view character, std::vector<int32_t>* symbols) const;
  void ReplaceHidden(std::vector<int32_t>* symbols) const;
  bool MergesStayBetweenMarks() const;

  BpeSpec spec_;
  BpeMerger merger_;
  std::array<int32_t, 256> byte_ids_ = BpeSpec::NoBytes();  // of byte_level
  StringIds hidden_ids_;
  bool splits_at_marks_ = false;
};

// Scratches for as many threads as encode at the same time.
class ScratchPool {
 public:
  // Takes a scratch and gives it back.
  class Lease {
   public:
    explicit Lease(ScratchPool& pool);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    BpeModel::Scratch* get() const { return scratch_.get(); }

   private:
    ScratchPool& pool_;
    std::unique_ptr<BpeModel::Scratch> scratch_;
  };

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<BpeModel::Scratch>> free_;
};

}  // namespace accllm
