#pragma once

#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "accel/rtl/field.h"
#include "accel/rtl/stall.h"
#include "tests/rtl/attention_case.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"

namespace accllm::rtl {

// Sends heads through a model of `attention`, whose engine it is: beats of records and keys as
// early as they may come or later, products as late as the engine's. What is not said is random.
// Checks all that comes out.
template <class Model, int kLanes, int kQueries, int kHeadQueries>
class AttentionDriver {
 public:
  AttentionDriver(Stall beats, Stall levels)
      : beat_stall_(std::move(beats)), level_stall_(std::move(levels)) {
    dut_->beat_i = 0;
    dut_->record_i = dut_->table_we_i = dut_->head_valid_i = dut_->level_go_i = 0;
    dut_.Reset();
  }

  // Heads of one split and cache.
  void Run(const std::vector<AttentionHead>& heads) {
    for (const AttentionHead& head : heads) Add(head);
    dut_->sink_slots_i = heads[0].sink_slots;
    dut_->ring_slots_i = heads[0].ring_slots;
    dut_->end_slot_i = heads[0].sink_slots + heads[0].ring_slots;
    for (int lane = 0; lane < kLanes; ++lane) {
      SetField(dut_->offset_i, 22 * lane, 22, heads[0].offsets[lane]);
    }
    const int64_t most = dut_.cycles() + 100000;
    while (n_done_ < heads_.size() || !reads_.empty() || has_read_) {
      ASSERT_LT(dut_.cycles(), most);
      Cycle();
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  // Cycles from a head's last beat until its levels are there.
  int64_t latency() const { return latency_; }
  // Levels that were not 0.
  int64_t n_levels() const { return n_levels_; }

 private:
  static constexpr int kLaneStages = 23;
  static constexpr int kFolds = kHeadQueries / kQueries;
  static constexpr size_t kHeadsAhead = 2;
  static constexpr int kLevelBits = 7;

  struct Places {
    int address = 0, row = 0, block = 0, chunk = 0;
  };
  struct Head {
    AttentionHead head;
    std::vector<AttentionResult> expected;
    Places places;
    int chunk_rows = 1;
    int64_t last_beat = 0;
  };
  struct Event {
    size_t head = 0;
    int row = 0;
    int fold = -1;  // none: records of this row and those after it
    int64_t cycle = 0;
  };
  struct Read {
    size_t head = 0;
    int row = 0;
    int fold = 0;
    int query = 0;
  };

  void Add(const AttentionHead& head) {
    Head added = {head, ReferenceAttention(head), end_, RowsOfChunk(kLanes, head.split), 0};
    const auto rows = static_cast<int>(head.row_slots.size());
    end_.address += rows * head.per_beat() * kHeadQueries;
    end_.row += rows;
    end_.block += rows * kFolds;
    end_.chunk += rows / added.chunk_rows * kFolds;
    for (int row = 0; row < rows; ++row) {
      if (row % 4 == 0) events_.push_back({heads_.size(), row, -1, 0});
      for (int fold = 0; fold < kFolds; ++fold) {
        events_.push_back({heads_.size(), row, fold, 0});
      }
    }
    heads_.push_back(std::move(added));
  }

  void Cycle() {
    DriveRandom();
    DriveIssued();
    DriveBeat();
    DriveHead();
    DriveRead();
    dut_.Settle();
    Look();
    dut_.Edge();
  }

  void DriveRandom() {
    Randomize(dut_->word_i, 512 * kLanes, random_);
    Randomize(dut_->product_i, 48 * kQueries * kLanes, random_);
    Randomize(dut_->lower_i, 32 * kQueries * kLanes, random_);
    dut_->beat_i = 0;
    dut_->record_i = dut_->table_we_i = 0;
  }

  const AttentionToken& TokenAt(const Event& event, int lane, int half, int row_offset = 0) const {
    const AttentionHead& head = heads_[event.head].head;
    return head.tokens[((event.row + row_offset) * kLanes + lane) * head.per_beat() + half];
  }

  // Words of records, and products.
  void DriveIssued() {
    while (!issued_.empty() && issued_.front().cycle + kLaneStages < dut_.cycles()) {
      issued_.pop_front();
    }
    for (const Event& event : issued_) {
      const int64_t age = dut_.cycles() - event.cycle;
      if (event.fold < 0 && age >= 1 && age <= 8) DriveRecord(event, static_cast<int>(age - 1));
      if (event.fold >= 0 && age == kLaneStages) DriveProducts(event);
    }
  }

  void DriveRecord(const Event& event, int segment) {
    const AttentionHead& head = heads_[event.head].head;
    const auto rows = static_cast<int>(head.row_slots.size());
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < 4 && event.row + i < rows; ++i) {
        SetField(dut_->word_i, 512 * lane + 64 * segment + 16 * i, 16,
                 RecordPart(event, lane, i, segment));
      }
    }
  }

  uint16_t RecordPart(const Event& event, int lane, int i, int segment) const {
    const bool split = heads_[event.head].head.split;
    const AttentionToken& token = TokenAt(event, lane, split ? segment / 4 : 0, i);
    if (segment % 4 == 1) return token.key_scale;
    if (segment % 4 == 3) return token.value_scale;
    const int group = split ? segment / 2 % 2 : segment / 2;
    return static_cast<uint16_t>(token.key_groups[group] | token.value_groups[group] << 8);
  }

  void DriveProducts(const Event& event) {
    const bool split = heads_[event.head].head.split;
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int q = 0; q < kQueries; ++q) {
        const int query = event.fold * kQueries + q;
        const int at = lane * kQueries + q;
        SetField(dut_->product_i, 48 * at, 48,
                 static_cast<uint64_t>(int64_t{TokenAt(event, lane, split).products[query]}));
        if (split) {
          SetField(dut_->lower_i, 32 * at, 32,
                   static_cast<uint32_t>(TokenAt(event, lane, 0).products[query]));
        }
      }
    }
  }

  // The next beat, or what is known of the queries of its head.
  void DriveBeat() {
    if (events_.empty()) return;
    Event event = events_.front();
    if (event.head > n_done_ + kHeadsAhead || beat_stall_()) return;
    if (event.head == n_tables_) {
      // The steps of the head before the last one must have passed.
      if (event.head >= 2 && heads_[event.head - 2].last_beat + 40 > dut_.cycles()) return;
      DriveTable(event.head);
      return;
    }
    if (event.fold >= 0 && dut_.cycles() < free_) return;
    events_.pop_front();
    event.cycle = dut_.cycles();
    issued_.push_back(event);
    if (event.fold < 0) {
      dut_->record_i = 1;
      return;
    }
    Head& head = heads_[event.head];
    head.last_beat = dut_.cycles();
    free_ = dut_.cycles() + int64_t{kQueries} * head.head.per_beat();
    const auto rows = static_cast<int>(head.head.row_slots.size());
    uint64_t bits = 1;
    const auto append = [&](uint64_t value, int width) { bits = bits << width | value; };
    append(event.row % 4, 2);
    append(event.row == 0, 1);
    append(event.row == rows - 1 && event.fold == kFolds - 1, 1);
    append(head.head.split, 1);
    append(event.head % 4, 2);
    append(event.fold * kQueries, 4);
    append(event.fold * kQueries + kQueries - 1, 4);
    append((head.places.row + event.row) & 0xFFF, 12);
    append(head.head.row_slots[event.row], 22);
    dut_->beat_i = bits;
  }

  void DriveTable(size_t head) {
    const AttentionQueryOf& query = heads_[head].head.queries[n_queries_];
    dut_->table_we_i = 1;
    dut_->table_bank_i = head % 4;
    dut_->table_query_i = n_queries_;
    SetField(dut_->table_window_i, 44, 22, query.sinks);
    SetField(dut_->table_window_i, 22, 22, query.first_slot);
    SetField(dut_->table_window_i, 0, 22, query.count);
    dut_->table_factors_i = uint64_t{query.sink_factor} << 32 | query.window_factor;
    if (++n_queries_ == kHeadQueries) {
      n_queries_ = 0;
      ++n_tables_;
    }
  }

  void DriveHead() {
    dut_->level_go_i = !level_stall_();
    dut_->head_valid_i = n_sent_ < heads_.size();
    if (n_sent_ == heads_.size()) return;
    const Head& head = heads_[n_sent_];
    const std::pair<int, int> fields[] = {
        {head.places.chunk, 12},  {head.places.block, 12},
        {head.places.row, 12},    {head.places.address, 12},
        {head.head.split, 1},     {kHeadQueries - 1, 4},
        {head.chunk_rows - 1, 5}, {static_cast<int>(head.head.row_slots.size()), 12}};
    size_t lsb = 0;
    for (const auto& [value, width] : fields) {
      SetField(dut_->head_i, lsb, width, value & ((1 << width) - 1));
      lsb += width;
    }
  }

  void DriveRead() {
    Randomize(dut_->block_i, ACCLLM_ROW_BITS, random_);
    Randomize(dut_->chunk_i, ACCLLM_CHUNK_BITS, random_);
    if (reads_.empty()) return;
    const Read& read = reads_.front();
    const Places& places = heads_[read.head].places;
    SetField(dut_->block_i, 0, ACCLLM_ROW_BITS, places.block + read.row * kFolds + read.fold);
    SetField(dut_->chunk_i, 0, ACCLLM_CHUNK_BITS,
             places.chunk + read.row / heads_[read.head].chunk_rows * kFolds + read.fold);
  }

  void Look() {
    CheckRecords();
    if (has_read_) CheckRead(last_read_);
    has_read_ = !reads_.empty();
    if (has_read_) {
      last_read_ = reads_.front();
      reads_.pop_front();
    }
    if (dut_->head_valid_i && dut_->head_ready_o) ++n_sent_;
    if (dut_->done_o) CheckDone();
  }

  // What the engine needs of a key's record.
  void CheckRecords() {
    for (const Event& event : issued_) {
      const int64_t age = dut_.cycles() - event.cycle;
      if (event.fold < 0 || age < 1 || age > 8) continue;
      const auto group = static_cast<int>(age - 1) / 2;
      for (int lane = 0; lane < kLanes; ++lane) {
        const auto byte =
            static_cast<uint8_t>(RecordPart(Event{event.head, event.row}, lane, 0, 2 * group));
        const int multiplier = byte & 0xF, zero = byte >> 4;
        if (age % 2 == 1) {
          ASSERT_EQ(Field(dut_->key_multiplier_o, 16 * lane + 4 * group, 4), multiplier);
        } else {
          ASSERT_EQ(SignedField(dut_->coefficient_o, 32 * lane + 8 * group, 8),
                    multiplier * (8 - zero));
        }
      }
    }
  }

  void CheckDone() {
    ASSERT_LT(n_done_, heads_.size());
    const Head& head = heads_[n_done_];
    latency_ = dut_.cycles() - head.last_beat;
    for (int q = 0; q < kHeadQueries; ++q) {
      const AttentionResult& expected = head.expected[q];
      const auto scale = static_cast<uint32_t>(Field(dut_->out_scale_o, 32 * q, 32));
      ASSERT_TRUE(SameFloat(scale, expected.out_scale))
          << "head " << n_done_ << ", query " << q << ": " << AsFloat(scale) << ", not "
          << AsFloat(expected.out_scale);
      for (int g = 0; g < kAttentionGroups; ++g) {
        ASSERT_EQ(SignedField(dut_->zero_sum_o, 48 * (4 * q + g), 48), expected.zero_sums[g])
            << "head " << n_done_ << ", query " << q << ", group " << g;
      }
    }
    const auto rows = static_cast<int>(head.head.row_slots.size());
    for (int row = 0; row < rows; ++row) {
      for (int q = 0; q < kHeadQueries; ++q) {
        reads_.push_back({n_done_, row, q / kQueries, q});
      }
    }
    ++n_done_;
  }

  void CheckRead(const Read& read) {
    const Head& head = heads_[read.head];
    const AttentionResult& expected = head.expected[read.query];
    const int per_beat = head.head.per_beat();
    const int groups = kAttentionGroups / per_beat;
    for (int lane = 0; lane < kLanes; ++lane) {
      const size_t first = (size_t{1} * read.row * kLanes + lane) * per_beat;
      ASSERT_EQ(Field(dut_->factor_o, 15 * (lane / 16 * kQueries + read.query % kQueries), 15),
                expected.factors[head.head.tokens[first].chunk]);
      for (int i = 0; i < kAttentionGroups; ++i) {
        const int lsb = kLevelBits * (4 * (lane * kQueries + read.query % kQueries) + i);
        n_levels_ += Field(dut_->level_o, lsb, kLevelBits) != 0;
        ASSERT_EQ(Field(dut_->level_o, lsb, kLevelBits),
                  expected.levels[first + i / groups][i % groups])
            << "head " << read.head << ", row " << read.row << ", lane " << lane << ", " << i;
      }
    }
  }

  Bench<Model> dut_;
  Stall beat_stall_, level_stall_;
  std::mt19937 random_{7};
  std::vector<Head> heads_;
  std::deque<Event> events_, issued_;
  std::deque<Read> reads_;
  Read last_read_;
  bool has_read_ = false;
  Places end_;
  size_t n_tables_ = 0, n_sent_ = 0, n_done_ = 0;
  int n_queries_ = 0;
  int64_t free_ = 0;
  int64_t latency_ = 0;
  int64_t n_levels_ = 0;
};

}  // namespace accllm::rtl
