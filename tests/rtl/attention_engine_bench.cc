// A whole head: queries, keys and values of a cache through lanes of the engine and attention, and
// what the kernel makes of the same.
#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <vector>

#include "Vattention_engine.h"
#include "accel/rtl/field.h"
#include "kernels/attention/attention.h"
#include "kernels/kv4/kv_list.h"
#include "kernels/quantize/quantize.h"
#include "tests/rtl/attention_case.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/rce_program.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kQueries = ACCLLM_QUERIES;
constexpr int kHeadQueries = ACCLLM_HEAD_QUERIES;
constexpr int kFolds = kHeadQueries / kQueries;
constexpr int kChunk = 32;
constexpr int kGroup = 32;

struct Queries {
  std::vector<int8_t> codes;  // [query][dim]
  std::vector<float> scales;
  std::vector<int32_t> sums;  // [query][group]
};

// Sinks and a ring of slots, all full, and an interval of the ring that is seen.
struct Cache {
  int dim = 128;
  int sink_slots = kChunk;
  int ring_slots = 4 * kChunk;
  int sinks = 4;
  int first_slot = kChunk;
  int count = 40;

  bool split() const { return dim == 64; }
  int end_slot() const { return sink_slots + ring_slots; }
  int per_beat() const { return split() ? 2 : 1; }
};

class HeadCase {
 public:
  HeadCase(const Cache& cache, uint32_t seed)
      : c_(cache), random_(seed), keys_(cache.dim), values_(cache.dim) {
    for (int slot = 0; slot < c_.end_slot(); ++slot) {
      keys_.Append(Floats(1.0F).data());
      values_.Append(Floats(1.0F).data());
    }
    window_ = MakeQueries();
    sink_ = MakeQueries();
  }

  const Cache& cache() const { return c_; }
  kernels::KvRows keys() const { return keys_.rows(); }
  kernels::KvRows values() const { return values_.rows(); }
  const Queries& queries(bool is_sink) const { return is_sink ? sink_ : window_; }

  std::vector<float> Reference() const {
    std::vector<kernels::SlotRange> ranges;
    if (c_.sinks > 0) ranges.push_back({0, c_.sinks, true});
    const int end = c_.first_slot + c_.count;
    if (c_.count > 0) ranges.push_back({c_.first_slot, std::min(end, c_.end_slot()), false});
    if (end > c_.end_slot()) ranges.push_back({c_.sink_slots, end - c_.ring_slots, false});
    const auto view = [](const Queries& q) {
      return kernels::RotatedQueries{q.codes.data(), q.scales.data(), q.sums.data()};
    };
    std::vector<float> scratch(
        kernels::AttentionScratchFloats(c_.end_slot(), kHeadQueries, c_.dim));
    std::vector<float> out(kHeadQueries * c_.dim);
    kernels::AttentionScalar({keys(), values()}, {kHeadQueries, c_.dim, view(window_), view(sink_)},
                             ranges, scratch.data(), out.data());
    return out;
  }

 private:
  std::vector<float> Floats(float sigma) {
    std::normal_distribution<float> normal(0, sigma);
    std::vector<float> x(c_.dim);
    for (float& value : x) value = normal(random_);
    return x;
  }

  Queries MakeQueries() {
    Queries queries = {
        std::vector<int8_t>(kHeadQueries * c_.dim), std::vector<float>(kHeadQueries), {}};
    for (int q = 0; q < kHeadQueries; ++q) {
      kernels::QuantizeQuery(Floats(8.0F).data(), c_.dim, c_.dim, &queries.codes[q * c_.dim],
                             &queries.scales[q]);
      for (int first = 0; first < c_.dim; first += kGroup) {
        int32_t sum = 0;
        for (int i = 0; i < kGroup; ++i) sum += queries.codes[q * c_.dim + first + i];
        queries.sums.push_back(sum);
      }
    }
    return queries;
  }

  Cache c_;
  std::mt19937 random_;
  kernels::KvList keys_, values_;
  Queries window_, sink_;
};

// Plays the sequencer: one thing after the other.
class Machine {
 public:
  explicit Machine(const HeadCase& head) : h_(head), c_(head.cache()), out_(kHeadQueries * c_.dim) {
    Quiet();
    dut_->sink_slots_i = c_.sink_slots;
    dut_->ring_slots_i = c_.ring_slots;
    dut_->end_slot_i = c_.end_slot();
    dut_->split_i = c_.split();
    for (int lane = 0; lane < kLanes; ++lane) {
      SetField(dut_->offset_i, 22 * lane, 22, lane * c_.per_beat());
    }
    dut_->head_valid_i = 0;
    dut_.Reset();
    Cycle();
  }

  std::vector<float> Run() {
    for (int query = 0; query < kHeadQueries; ++query) Describe(query);
    for (int fold = 0; fold < kFolds; ++fold) {
      for (const bool is_sink : {false, true}) LoadQueries(fold, is_sink);
    }
    Keys();
    Weigh();
    for (int fold = 0; fold < kFolds; ++fold) {
      for (int set = 0; set < c_.dim / 4 / kLanes; ++set) Values(fold, set);
    }
    return out_;
  }

 private:
  using Words = std::vector<uint64_t>;  // [lane][segment]

  int rows() const { return c_.end_slot() / (kLanes * c_.per_beat()); }
  int chunk_rows() const { return RowsOfChunk(kLanes, c_.split()); }
  int SlotOf(int row, int lane, int token) const {
    return (row * kLanes + lane) * c_.per_beat() + token;
  }

  void Quiet() {
    dut_->table_we_i = dut_->record_i = dut_->feed_we_i = dut_->gather_i = dut_->take_i = 0;
    dut_->key_i = 0;
    dut_->beat_i = 0;
  }

  void Cycle() {
    Randomize(dut_->word_i, 512 * kLanes, random_);
    for (const auto& [cycle, words] : issued_) {
      const int64_t segment = dut_.cycles() - cycle - 1;
      if (segment < 0 || segment >= kSegments) continue;
      for (int lane = 0; lane < kLanes; ++lane) {
        SetField(dut_->word_i, 512 * lane + 64 * segment, 64, words[kSegments * lane + segment]);
      }
    }
    while (!issued_.empty() && issued_.front().first + kSegments < dut_.cycles()) {
      issued_.pop_front();
    }
    dut_.Settle();
    is_done_ = is_done_ || dut_->done_o;
    is_collected_ = is_collected_ || dut_->collected_o;
    if (dut_->head_valid_i && dut_->head_ready_o) is_taken_ = true;
    if (dut_->valid_o) Take(dut_->place_o, dut_->value_o);
    dut_.Edge();
    if (is_taken_) dut_->head_valid_i = 0;
    Quiet();
  }

  void Wait(const bool& flag) {
    for (int i = 0; i < 20000 && !flag; ++i) Cycle();
    ASSERT_TRUE(flag);
  }

  void Describe(int query) {
    dut_->table_we_i = 1;
    dut_->table_query_i = query;
    SetField(dut_->table_window_i, 44, 22, c_.sinks);
    SetField(dut_->table_window_i, 22, 22, c_.first_slot);
    SetField(dut_->table_window_i, 0, 22, c_.count);
    const float factor = kernels::ScoreFactor(c_.dim);
    dut_->table_factors_i = uint64_t{AsBits(h_.queries(true).scales[query] * factor)} << 32 |
                            AsBits(h_.queries(false).scales[query] * factor);
    Cycle();
  }

  static int EntryOf(int fold, bool is_sink) { return 2 * fold + (is_sink ? 1 : 0); }

  void LoadQueries(int fold, bool is_sink) {
    const Queries& queries = h_.queries(is_sink);
    const int groups = c_.dim / kGroup;
    for (int half = 0; half < 2; ++half) {
      for (int place = 0; place < 4 * 16 * kQueries; ++place) {
        const int query = fold * kQueries + place % kQueries;
        const int position = place / kQueries % 2, code = place / kQueries / 2 % 8;
        const int segment = 4 * half + place / kQueries / 16;
        const int dim = (16 * segment + code + 8 * position) % c_.dim;
        SetField(dut_->query_line_i, 8 * place, 8,
                 static_cast<uint8_t>(queries.codes[query * c_.dim + dim]));
      }
      for (int i = 0; i < kKeyGroups * kQueries; ++i) {
        const int query = fold * kQueries + i % kQueries;
        SetField(
            dut_->query_sum_i, 13 * i, 13,
            static_cast<uint64_t>(int64_t{queries.sums[query * groups + i / kQueries % groups]}));
      }
      dut_->feed_we_i = 1 << half;
      dut_->feed_entry_i = EntryOf(fold, is_sink);
      dut_->feed_levels_i = 0;
      Cycle();
    }
  }

  Words Records(int row) const {
    Words words(kLanes * kSegments);
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < 4 && row + i < rows(); ++i) {
        for (int segment = 0; segment < kSegments; ++segment) {
          words[kSegments * lane + segment] |= RecordPart(row + i, lane, segment) << 16 * i;
        }
      }
    }
    return words;
  }

  uint64_t RecordPart(int row, int lane, int segment) const {
    const int slot = SlotOf(row, lane, c_.split() ? segment / 4 : 0);
    const kernels::KvRows keys = h_.keys(), values = h_.values();
    if (segment % 4 == 1) return keys.scales[slot];
    if (segment % 4 == 3) return values.scales[slot];
    const int64_t group = c_.split() ? segment / 2 % 2 : segment / 2;
    const int64_t at = group * keys.n_slots + slot;
    return keys.groups[at] | values.groups[at] << 8;
  }

  uint64_t Code(const kernels::KvRows& rows, int slot, int dim) const {
    return static_cast<uint64_t>(
        kernels::KvCode(rows.codes + int64_t{slot} * c_.dim / 2, c_.dim, dim));
  }

  Words KeyWords(int row) const {
    Words words(kLanes * kSegments);
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < 128; ++i) {
        const uint64_t code = Code(h_.keys(), SlotOf(row, lane, i / c_.dim), i % c_.dim);
        const int nibble = i % 8 * 2 + i / 8 % 2;
        words[kSegments * lane + i / 16] |= code << 4 * nibble;
      }
    }
    return words;
  }

  void Issue(RceBeat beat, Words words) {
    dut_->beat_i = beat.Pack();
    issued_.push_back({dut_.cycles(), std::move(words)});
    Cycle();
  }

  void Keys() {
    for (int row = 0; row < rows(); ++row) {
      if (row % 4 == 0) {
        dut_->record_i = 1;
        Issue({}, Records(row));
      }
      for (int fold = 0; fold < kFolds; ++fold) {
        Key(row, fold);
        for (int i = 1; i < kQueries * c_.per_beat(); ++i) Cycle();
      }
    }
  }

  void Key(int row, int fold) {
    uint64_t bits = 1;
    const auto append = [&](uint64_t value, int width) { bits = bits << width | value; };
    append(row % 4, 2);
    append(row == 0, 1);
    append(row == rows() - 1 && fold == kFolds - 1, 1);
    append(c_.split(), 1);
    append(0, 2);
    append(fold * kQueries, 4);
    append(fold * kQueries + kQueries - 1, 4);
    append(row, 12);
    append(SlotOf(row, 0, 0), 22);
    dut_->key_i = bits;
    RceBeat beat;
    beat.kind = RceKind::kData;
    beat.mode = RceMode::kKey;
    beat.entry = EntryOf(fold, SlotOf(row, 0, 0) < c_.sink_slots);
    beat.split = c_.split();
    Issue(beat, KeyWords(row));
  }

  void Weigh() {
    SetField(dut_->head_i, 0, 64, 0);
    SetField(dut_->head_i, 48, 1, c_.split());
    SetField(dut_->head_i, 49, 4, kHeadQueries - 1);
    SetField(dut_->head_i, 53, 5, chunk_rows() - 1);
    SetField(dut_->head_i, 58, 12, rows());
    dut_->head_valid_i = 1;
    Wait(is_done_);
    Cycle();
  }

  // All chunks of dimensions 4 * (lanes * set) and on.
  void Values(int fold, int set) {
    fold_ = fold;
    set_ = set;
    dut_->fold_i = fold;
    dut_->group_i = set * kLanes / 8;
    dut_->take_i = 1;
    Cycle();
    const int n_chunks = rows() / chunk_rows();
    for (int chunk = 0; chunk < n_chunks; ++chunk) {
      LoadLevels(fold, chunk);
      RceBeat beat;
      beat.kind = RceKind::kData;
      beat.mode = RceMode::kValue;
      beat.entry = 16 + chunk % 2;
      beat.start = chunk == 0;
      beat.last = chunk == n_chunks - 1;
      Issue(beat, ValueWords(chunk, set));
    }
    for (uint32_t i = 1; i < 4; ++i) {
      RceBeat beat;
      beat.kind = RceKind::kUnload;
      beat.mode = RceMode::kValue;
      beat.beat = i;
      Issue(beat, Words(kLanes * kSegments));
    }
    is_collected_ = false;
    Wait(is_collected_);
  }

  void LoadLevels(int fold, int chunk) {
    for (int row = 0; row < chunk_rows(); ++row) {
      dut_->block_i = (chunk * chunk_rows() + row) * kFolds + fold;
      Cycle();
      dut_->gather_i = 1;
      dut_->gather_row_i = row;
      Cycle();
    }
    // The lane must be through with the entry: beats of 13 cycles before must not use it.
    while (dut_.cycles() < free_[chunk % 2]) Cycle();
    free_[chunk % 2] = dut_.cycles() + 16;
    dut_->feed_we_i = 3;
    dut_->feed_levels_i = 1;
    dut_->feed_entry_i = 16 + chunk % 2;
    dut_->chunk_i = chunk * kFolds + fold;
    Cycle();
  }

  Words ValueWords(int chunk, int set) const {
    Words words(kLanes * kSegments);
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < 128; ++i) {  // [dimension][slot]
        const int slot = kChunk * chunk + i % kChunk;
        const int dim = 4 * (set * kLanes + lane) + i / kChunk;
        const int byte = 16 * (i / kChunk) + i % 16;
        const int shift = 8 * (byte % 8) + 4 * (i / 16 % 2);
        words[kSegments * lane + byte / 8] |= Code(h_.values(), slot, dim) << shift;
      }
    }
    return words;
  }

  void Take(int place, uint32_t value) {
    const int query = fold_ * kQueries + place % kQueries;
    const int dim = 4 * set_ * kLanes + place / kQueries;
    out_[query * c_.dim + dim] = AsFloat(value);
  }

  const HeadCase& h_;
  Cache c_;
  Bench<Vattention_engine> dut_;
  std::mt19937 random_{3};
  std::deque<std::pair<int64_t, Words>> issued_;
  std::vector<float> out_;
  bool is_done_ = false, is_taken_ = false, is_collected_ = false;
  int fold_ = 0, set_ = 0;
  int64_t free_[2] = {};
};

void ExpectHead(const Cache& cache, uint32_t seed, bool is_finite = true) {
  const HeadCase head(cache, seed);
  const std::vector<float> expected = head.Reference();
  const std::vector<float> got = Machine(head).Run();
  ASSERT_EQ(got.size(), expected.size());
  const auto is_number = [](float x) { return std::isfinite(x) && x != 0; };
  EXPECT_EQ(std::any_of(expected.begin(), expected.end(), is_number), is_finite);
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(SameFloat(AsBits(got[i]), AsBits(expected[i])))
        << "query " << i / cache.dim << ", dimension " << i % cache.dim << ": " << got[i]
        << ", not " << expected[i];
  }
}

class AttentionEngine : public testing::TestWithParam<int> {};

TEST_P(AttentionEngine, AHeadIsThatOfTheKernel) {
  Cache cache;
  cache.dim = GetParam();
  ExpectHead(cache, 1);
  cache.first_slot = 3 * kChunk + 7;  // goes around the ring's end
  cache.count = 90;
  ExpectHead(cache, 2);
  cache.sinks = 0;  // the first token of a text
  cache.first_slot = kChunk;
  cache.count = 1;
  ExpectHead(cache, 3);
  cache.sinks = 32;  // sinks, and nothing else
  cache.count = 0;
  ExpectHead(cache, 4);
}

TEST_P(AttentionEngine, WithoutTokensItIsNan) {
  Cache cache;
  cache.dim = GetParam();
  cache.sinks = cache.count = 0;
  ExpectHead(cache, 5, false);
}

INSTANTIATE_TEST_SUITE_P(Dims, AttentionEngine, testing::Values(64, 128));

}  // namespace
}  // namespace accllm::rtl
