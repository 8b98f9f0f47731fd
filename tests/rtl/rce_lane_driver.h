#pragma once

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/rce_program.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {

// Runs programs on a model of rce_quad with one lane: beats and operand writes as early as they may
// come or later, words of segments one after another, tiles read while the next one is summed. All
// inputs that do not count are random.
template <class Model, int kSlots>
class RceLaneDriver {
 public:
  // beat_i to result_o, and how long before a beat's entry may be written again.
  static constexpr int64_t kLaneStages = 23;
  static constexpr int64_t kEntryInUse = 14;

  explicit RceLaneDriver(Stall steps, Stall writes)
      : step_stall_(std::move(steps)), write_stall_(std::move(writes)) {
    dut_->beat_i = 0;
    dut_->act_we_i = 0;
    dut_.Reset();
    dut_.Settle();  // the lane's own reset is a cycle late
    dut_.Edge();
  }

  RceResults Run(const RceProgram& program) {
    program_ = &program;
    issued_.clear();
    n_writes_ = 0;
    n_sets_started_ = n_sets_read_ = 0;
    idle_cycles_ = 0;
    results_ = {};
    while (issued_.size() < program.steps.size()) Cycle();
    for (size_t i = 0; i < kLaneStages + 4 * kSums + 4; ++i) Cycle();
    return results_;
  }

  // Cycles between the first and the last step without a step.
  int64_t idle_cycles() const { return idle_cycles_; }

 private:
  static constexpr int kQueries = kSlots / 2;
  static constexpr size_t kSums = kSlots * kRows;

  // Sums to read. A set whose last beat was of the upper half is two tiles.
  struct Set {
    int set;
    bool halves;
  };

  void Cycle() {
    DriveRandom();
    DriveWords();
    DriveWrite();
    DriveStep();
    DriveRead();
    dut_.Settle();
    Look();
    dut_.Edge();
  }

  void DriveRandom() {
    Randomize(dut_->word_i, 64 * kSegments, random_);
    Randomize(dut_->act_i, kBuses * 16 * kSlots * 8, random_);
    Randomize(dut_->query_sum_i, kKeyGroups * kQueries * 13, random_);
    Randomize(dut_->factor_i, kQueries * 15, random_);
    dut_->key_multiplier_i = static_cast<uint16_t>(random_());
    dut_->coefficient_i = random_();
    dut_->act_entry_i = random_() % 32;
    dut_->act_we_i = 0;
  }

  // Segment j's word comes j + 1 cycles after the step; with those of even segments their group's
  // multiplier, a cycle later its coefficient.
  void DriveWords() {
    for (size_t i = issued_.size(); i-- > 0;) {
      const int64_t segment = dut_.cycles() - issued_[i] - 1;
      if (segment >= kSegments) break;
      if (segment < 0) continue;
      const RceStep& step = program_->steps[i];
      const size_t group = segment / 2;
      SetField(dut_->word_i, 64 * segment, 64, step.words[segment]);
      if (segment % 2 == 0) {
        SetField(dut_->key_multiplier_i, 4 * group, 4, step.key_multipliers[group]);
      } else {
        SetField(dut_->coefficient_i, 8 * group, 8, static_cast<uint8_t>(step.coefficients[group]));
      }
    }
  }

  void DriveWrite() {
    if (n_writes_ == program_->writes.size() || write_stall_()) return;
    const RceWrite& write = program_->writes[n_writes_];
    if (write.after > 0) {
      if (issued_.size() < write.after) return;
      if (dut_.cycles() < issued_[write.after - 1] + kEntryInUse) return;
    }
    ++n_writes_;
    dut_->act_we_i = write.halves;
    dut_->act_entry_i = write.entry;
    for (size_t i = 0; i < write.operands.size(); ++i) {
      SetField(dut_->act_i, 8 * i, 8, static_cast<uint8_t>(write.operands[i]));
    }
    for (size_t i = 0; i < write.query_sums.size(); ++i) {
      SetField(dut_->query_sum_i, 13 * i, 13, static_cast<uint64_t>(write.query_sums[i]));
    }
  }

  void DriveStep() {
    RceBeat none;
    none.mode = static_cast<RceMode>(random_() % 6);
    none.half = random_() % 2;
    none.beat = random_() % 4;
    none.row = random_() % 8;
    none.entry = random_() % 32;
    none.start = random_() % 2 == 0;
    none.last = random_() % 2 == 0;
    none.split = random_() % 2 == 0;
    none.upper = random_() % 2 == 0;
    dut_->beat_i = none.Pack();
    if (issued_.size() == program_->steps.size()) return;
    const RceStep& step = program_->steps[issued_.size()];
    if (step_stall_() || step.needs > n_writes_ || !HasRoom(step.beat)) {
      if (!issued_.empty()) ++idle_cycles_;
      return;
    }
    issued_.push_back(dut_.cycles());
    dut_->beat_i = step.beat.Pack();
    for (size_t i = 0; i < step.factors.size(); ++i) {
      SetField(dut_->factor_i, 15 * i, 15, step.factors[i]);
    }
  }

  // Sums go to the set before the last one.
  bool HasRoom(const RceBeat& beat) {
    if (beat.kind != RceKind::kData || beat.mode > RceMode::kDense8) return true;
    if (set_is_open_ || n_sets_started_ < n_sets_read_ + 2) {
      if (!set_is_open_) ++n_sets_started_;
      set_is_open_ = !beat.last;
      return true;
    }
    return false;
  }

  void DriveRead() {
    dut_->read_set_i = random_() % 2;
    dut_->read_row_i = random_() % 8;
    dut_->read_slot_i = random_() % kSlots;
    dut_->read_upper_i = random_() % 2;
    reads_ = !ready_.empty();
    if (!reads_) return;
    dut_->read_set_i = ready_.front().set;
    dut_->read_row_i = n_read_ % kRows;
    dut_->read_slot_i = n_read_ / kRows % kSlots;
    dut_->read_upper_i = n_read_ / kSums;
  }

  void Look() {
    if (has_read_) TakeSum(dut_->sum_o);
    has_read_ = reads_;
    if (reads_ && ++n_read_ == (ready_.front().halves ? 2 * kSums : kSums)) {
      n_read_ = 0;
      ready_.pop_front();
      ++n_sets_read_;
    }
    const auto kind = static_cast<RceKind>(Field(dut_->result_o, 12, 2));
    const auto mode = static_cast<RceMode>(Field(dut_->result_o, 9, 3));
    const bool last = Field(dut_->result_o, 2, 1) == 1;
    if (kind == RceKind::kUnload || (kind == RceKind::kData && mode == RceMode::kValue && last)) {
      results_.values.push_back(Products(dut_->product_o, 48));
    } else if (kind == RceKind::kData && mode == RceMode::kKey) {
      results_.keys.push_back(Products(dut_->product_o, 48));
      if (Field(dut_->result_o, 1, 1) == 1) {
        results_.key_lower.push_back(Products(dut_->lower_o, 32));
      }
    } else if (kind == RceKind::kData && mode < RceMode::kKey && last) {
      ready_.push_back({dut_->set_o, Field(dut_->result_o, 0, 1) == 1});
    }
  }

  template <class Signal>
  static std::vector<int64_t> Products(const Signal& signal, int width) {
    std::vector<int64_t> products;
    for (int i = 0; i < kQueries; ++i) products.push_back(SignedField(signal, width * i, width));
    return products;
  }

  void TakeSum(uint32_t sum) {
    if (sums_.empty()) results_.tiles.emplace_back();
    sums_.push_back(sum);
    if (sums_.size() < kSums) return;
    results_.tiles.back() = std::move(sums_);
    sums_.clear();
  }

  Bench<Model> dut_;
  Stall step_stall_, write_stall_;
  std::mt19937 random_{99};
  const RceProgram* program_ = nullptr;
  std::vector<int64_t> issued_;  // cycle of each step
  size_t n_writes_ = 0;
  bool set_is_open_ = false;
  int64_t n_sets_started_ = 0, n_sets_read_ = 0;
  int64_t idle_cycles_ = 0;
  std::deque<Set> ready_;
  size_t n_read_ = 0;  // of the first one
  bool reads_ = false, has_read_ = false;
  std::vector<uint32_t> sums_;
  RceResults results_;
};

}  // namespace accllm::rtl
