#include "tests/rtl/rce_linear.h"

#include <cstring>
#include <random>

#include "base/block_codec.h"

namespace accllm::rtl {
namespace {

constexpr int kColumns = 256;
constexpr int kEntriesOfBlock = 4;
constexpr int kBlocksInEntries = 8;

format::TensorType TypeOf(RceMode mode) {
  switch (mode) {
    case RceMode::kSparse24:
      return format::TensorType::kW2S24;
    case RceMode::kDense2:
      return format::TensorType::kW2;
    case RceMode::kDense4:
      return format::TensorType::kW4;
    default:
      return format::TensorType::kW8;
  }
}

class LinearMaker {
 public:
  LinearMaker(const RceLinear& linear, uint32_t seed)
      : l_(linear), type_(TypeOf(linear.mode)), random_(seed) {
    activations_.resize(l_.tokens() * l_.blocks * kColumns);
    for (int8_t& a : activations_) a = Activation();
  }

  RceCase Make() {
    for (int tile = 0; tile < l_.tiles; ++tile) {
      std::vector<uint32_t> sums(l_.slots * kRows);
      for (int block = 0; block < l_.blocks; ++block) {
        LoadOperands(block);
        std::vector<uint8_t> bytes(TileBlockBytes(type_));
        for (uint8_t& byte : bytes) byte = Byte();
        AddSums(block, bytes.data(), sums);
        if (!IsCoded(type_)) AddMultipliers(bytes.data());
        for (int row = 0; row < kRows; ++row) AddRow(row, bytes.data(), block);
      }
      case_.program.steps.back().beat.last = true;
      case_.expected.tiles.push_back(sums);
    }
    return std::move(case_);
  }

 private:
  int8_t Activation() {
    if (l_.data == RceData::kRandom) return static_cast<int8_t>(random_() % 255 - 127);
    return l_.data == RceData::kOnes || random_() % 2 == 0 ? -127 : 127;
  }

  uint8_t Byte() {
    if (l_.data == RceData::kOnes) return 0xFF;
    if (l_.data == RceData::kRandom || random_() % 4 == 0) return static_cast<uint8_t>(random_());
    constexpr uint8_t kExtremes[] = {0x00, 0xFF, 0x80, 0x7F, 0x88, 0x77, 0x08, 0x78};
    return kExtremes[random_() % std::size(kExtremes)];
  }

  int8_t At(int token, int column) const {
    return activations_[token * l_.blocks * kColumns + column];
  }

  // Entry `4 n + k` of the running block number n holds column `k` of each four.
  void LoadOperands(int block) {
    for (int half = 0; half < 2; ++half) {
      for (int k = 0; k < kEntriesOfBlock; ++k) {
        RceWrite write;
        write.halves = 1 << half;
        write.entry = n_blocks_ % kBlocksInEntries * kEntriesOfBlock + k;
        if (n_blocks_ >= kBlocksInEntries) write.after = ends_[n_blocks_ - kBlocksInEntries];
        for (int bus = 0; bus < kBuses; ++bus) {
          for (int code = 0; code < 8; ++code) {
            const int column = block * kColumns + 32 * (4 * half + bus) + 4 * code + k;
            for (int i = 0; i < 2 * l_.slots; ++i) {
              write.operands.push_back(At(i % l_.slots % l_.tokens(), column));
            }
          }
        }
        case_.program.writes.push_back(write);
      }
    }
    ++n_blocks_;
  }

  void AddSums(int block, const uint8_t* bytes, std::vector<uint32_t>& sums) const {
    for (int row = 0; row < kRows; ++row) {
      const BlockPlace place = PlaceOfBlock(type_, 1, row, 0);
      int8_t levels[kColumns];
      DecodeBlockRow(type_, bytes + place.row_offset, levels);
      for (int token = 0; token < l_.tokens(); ++token) {
        for (int column = 0; column < kColumns; ++column) {
          const int multiplier = bytes[place.multipliers_offset + column / 32];
          sums[token * kRows + row] += static_cast<uint32_t>(multiplier * levels[column] *
                                                             At(token, block * kColumns + column));
        }
      }
    }
  }

  RceStep Step(RceKind kind) const {
    RceStep step;
    step.beat.kind = kind;
    step.beat.mode = l_.mode;
    step.beat.entry = (n_blocks_ - 1) % kBlocksInEntries * kEntriesOfBlock;
    step.needs = case_.program.writes.size();
    return step;
  }

  void Append(const RceStep& step) {
    case_.program.steps.push_back(step);
    ends_.resize(n_blocks_);
    ends_.back() = case_.program.steps.size();
  }

  // Segment j gets the multipliers of group j, byte r that of row r.
  void AddMultipliers(const uint8_t* bytes) {
    RceStep step = Step(RceKind::kMultipliers);
    for (int group = 0; group < kSegments; ++group) {
      for (int row = 0; row < kRows; ++row) {
        step.words[group] |= uint64_t{bytes[8 * row + group]} << 8 * row;
      }
    }
    Append(step);
  }

  void AddRow(int row, const uint8_t* bytes, int block) {
    const uint8_t* beats = bytes + PlaceOfBlock(type_, 1, row, 0).row_offset;
    const int n_beats = static_cast<int>(BlockRowBytes(type_) / 64);
    const int n_halves = l_.mode == RceMode::kDense2 || l_.mode == RceMode::kDense8 ? 2 : 1;
    for (int i = 0; i < n_beats * n_halves; ++i) {
      RceStep step = Step(RceKind::kData);
      step.beat.row = row;
      step.beat.beat = i / n_halves;
      step.beat.half = i % n_halves;
      step.beat.start = block == 0 && i == 0;
      for (int segment = 0; segment < kSegments; ++segment) {
        step.words[segment] = Word(beats + 64 * (i / n_halves), segment);
      }
      Append(step);
    }
  }

  // 64 bits of a beat, as they lie but for codes of 7 bits: 7 bytes of them and the multiplier.
  uint64_t Word(const uint8_t* beat, int segment) const {
    uint64_t word = 0;
    if (!IsCoded(type_)) {
      std::memcpy(&word, beat + 8 * segment, 8);
      return word;
    }
    std::memcpy(&word, beat + 7 * segment, 7);
    return word | uint64_t{beat[56 + segment]} << 56;
  }

  RceLinear l_;
  format::TensorType type_;
  std::mt19937 random_;
  std::vector<int8_t> activations_;  // [token][column]
  RceCase case_;
  int n_blocks_ = 0;
  std::vector<size_t> ends_;  // steps up to the end of a running block
};

}  // namespace

RceCase MakeLinear(const RceLinear& linear, uint32_t seed) {
  return LinearMaker(linear, seed).Make();
}

}  // namespace accllm::rtl
