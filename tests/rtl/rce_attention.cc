#include "tests/rtl/rce_attention.h"

#include <random>

namespace accllm::rtl {
namespace {

constexpr int kDimensions = 128;  // of a beat of keys
constexpr int kChunk = 32;
constexpr int kMaxFactor = 32767;
constexpr int kEntries = 32;

class Random {
 public:
  Random(RceData data, uint32_t seed) : data_(data), random_(seed) {}

  // `extremes` are the lowest and the highest, or the highest alone.
  int Between(int low, int high) {
    if (data_ == RceData::kOnes) return high;
    if (data_ == RceData::kExtreme) return random_() % 2 == 0 ? low : high;
    return low + static_cast<int>(random_() % (high - low + 1));
  }
  // Whatever the data is.
  int Below(int n) { return static_cast<int>(random_() % n); }

 private:
  RceData data_;
  std::mt19937 random_;
};

// Codes of 4 bits go to nibbles of segments: [segment][code][position].
uint64_t PackNibbles(const int* codes) {
  uint64_t word = 0;
  for (int i = 0; i < 16; ++i) word |= static_cast<uint64_t>(codes[i]) << 4 * i;
  return word;
}

class KeyMaker {
 public:
  KeyMaker(const RceKeys& keys, uint32_t seed) : k_(keys), random_(keys.data, seed) {}

  RceCase Make() {
    for (int i = 0; i < k_.beats; ++i) {
      // A few sets of queries take turns, as those for sinks and window do.
      if (i < 2 || random_.Below(10) == 0) {
        LoadQueries(i % kEntries);
      } else {
        set_ = random_.Below(static_cast<int>(sets_.size()));
      }
      AddBeat();
    }
    return std::move(case_);
  }

 private:
  struct Set {
    int entry;
    std::vector<int> codes;  // [query][dimension]
    size_t used_by = 0;      // steps
  };

  int queries() const { return k_.slots / 2; }
  // Split beats hold two tokens, each times the same 64 dimensions of a query.
  int query_dimensions() const { return k_.split ? kDimensions / 2 : kDimensions; }
  int Query(int query, int dimension) const {
    return sets_[set_].codes[query * query_dimensions() + dimension % query_dimensions()];
  }

  void LoadQueries(int entry) {
    Set set = {entry, {}};
    size_t after = 0;
    for (const Set& other : sets_) {
      if (other.entry == entry) after = std::max(after, other.used_by);
    }
    std::erase_if(sets_, [&](const Set& other) { return other.entry == entry; });
    for (int i = 0; i < queries() * query_dimensions(); ++i) {
      set.codes.push_back(random_.Between(-127, 127));
    }
    sets_.push_back(set);
    set_ = sets_.size() - 1;
    for (int half = 0; half < 2; ++half) case_.program.writes.push_back(Write(half, entry, after));
  }

  RceWrite Write(int half, int entry, size_t after) const {
    RceWrite write = {1 << half, entry, {}, std::vector<int>(kKeyGroups * queries()), after};
    for (int bus = 0; bus < kBuses; ++bus) {
      for (int i = 0; i < 16; ++i) {
        const int dimension = 16 * (4 * half + bus) + i / 2 + 8 * (i % 2);
        for (int slot = 0; slot < k_.slots; ++slot) {
          write.operands.push_back(static_cast<int8_t>(Query(slot % queries(), dimension)));
        }
      }
    }
    for (int dimension = 0; dimension < kDimensions; ++dimension) {
      for (int query = 0; query < queries(); ++query) {
        write.query_sums[dimension / 32 * queries() + query] += Query(query, dimension);
      }
    }
    return write;
  }

  void AddBeat() {
    RceStep step;
    step.beat.kind = RceKind::kData;
    step.beat.mode = RceMode::kKey;
    step.beat.entry = sets_[set_].entry;
    step.beat.split = k_.split;
    step.needs = case_.program.writes.size();
    std::array<int, kKeyGroups> zeros = {};
    for (int group = 0; group < kKeyGroups; ++group) {
      step.key_multipliers[group] = random_.Between(0, 15);
      zeros[group] = random_.Between(0, 15);
      step.coefficients[group] = step.key_multipliers[group] * (8 - zeros[group]);
    }
    std::vector<int64_t> lower(queries()), upper(queries());
    for (int segment = 0; segment < kSegments; ++segment) {
      int codes[16];
      for (int i = 0; i < 16; ++i) {
        codes[i] = random_.Between(0, 15);
        const int dimension = 16 * segment + i / 2 + 8 * (i % 2);
        const int weight = step.key_multipliers[segment / 2] * (codes[i] - zeros[segment / 2]);
        for (int query = 0; query < queries(); ++query) {
          (k_.split && segment < 4 ? lower : upper)[query] += weight * Query(query, dimension);
        }
      }
      step.words[segment] = PackNibbles(codes);
    }
    case_.program.steps.push_back(step);
    sets_[set_].used_by = case_.program.steps.size();
    case_.expected.keys.push_back(upper);
    if (k_.split) case_.expected.key_lower.push_back(lower);
  }

  RceKeys k_;
  Random random_;
  std::vector<Set> sets_;
  size_t set_ = 0;
  RceCase case_;
};

class ValueMaker {
 public:
  ValueMaker(const RceValues& values, uint32_t seed) : v_(values), random_(values.data, seed) {}

  RceCase Make() {
    for (int head = 0; head < v_.heads; ++head) {
      sums_.assign(4, std::vector<int64_t>(queries()));
      for (int chunk = 0; chunk < v_.chunks; ++chunk) AddChunk(chunk == 0);
      case_.program.steps.back().beat.last = true;
      // The last dimension comes first.
      case_.expected.values.insert(case_.expected.values.end(), sums_.rbegin(), sums_.rend());
      for (uint32_t i = 1; i < 4; ++i) {
        RceStep step;
        step.beat.kind = RceKind::kUnload;
        step.beat.mode = RceMode::kValue;
        step.beat.beat = i;
        case_.program.steps.push_back(step);
      }
    }
    return std::move(case_);
  }

 private:
  int queries() const { return v_.slots / 2; }

  void AddChunk(bool start) {
    const int entry = n_writes_++ % kEntries;
    std::vector<int> levels(queries() * kChunk);  // [query][token]
    for (int& level : levels) level = random_.Between(0, 127);
    used_by_.resize(kEntries);
    RceWrite write = {3, entry, {}, std::vector<int>(kKeyGroups * queries()), used_by_[entry]};
    for (int bus = 0; bus < kBuses; ++bus) {
      for (int i = 0; i < 16; ++i) {
        const int token = TokenOf(bus, i);
        for (int slot = 0; slot < v_.slots; ++slot) {
          write.operands.push_back(static_cast<int8_t>(levels[slot % queries() * kChunk + token]));
        }
      }
    }
    case_.program.writes.push_back(write);

    RceStep step;
    step.beat.kind = RceKind::kData;
    step.beat.mode = RceMode::kValue;
    step.beat.entry = entry;
    step.beat.start = start;
    step.needs = case_.program.writes.size();
    for (int query = 0; query < queries(); ++query) {
      step.factors.push_back(random_.Between(0, kMaxFactor));
    }
    for (int segment = 0; segment < kSegments; ++segment) {
      int codes[16];
      for (int i = 0; i < 16; ++i) {
        codes[i] = random_.Between(0, 15);
        for (int query = 0; query < queries(); ++query) {
          const int level = levels[query * kChunk + TokenOf(segment, i)];
          sums_[segment / 2][query] += int64_t{step.factors[query]} * level * (codes[i] - 8);
        }
      }
      step.words[segment] = PackNibbles(codes);
    }
    case_.program.steps.push_back(step);
    used_by_[entry] = case_.program.steps.size();
  }

  // Of the chunk: that of a position in a segment.
  static int TokenOf(int segment, int position) {
    return 8 * (segment % 2) + position / 2 + 16 * (position % 2);
  }

  RceValues v_;
  Random random_;
  int n_writes_ = 0;
  std::vector<size_t> used_by_;             // [entry], steps
  std::vector<std::vector<int64_t>> sums_;  // [dimension][query]
  RceCase case_;
};

}  // namespace

RceCase MakeKeys(const RceKeys& keys, uint32_t seed) { return KeyMaker(keys, seed).Make(); }

RceCase MakeValues(const RceValues& values, uint32_t seed) {
  return ValueMaker(values, seed).Make();
}

}  // namespace accllm::rtl
