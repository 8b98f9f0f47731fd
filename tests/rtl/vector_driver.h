#pragma once

#include <array>
#include <bit>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/stream.h"

namespace accllm::rtl {

// As in rtl/pkg/vector_pkg.sv.
enum class VectorKind : uint32_t { kLoad, kResult, kNorm, kQuantize };
enum class VectorEpilogue : uint32_t { kStore, kAdd, kSiluMul, kOutput };

struct VectorOp {
  bool valid = true;
  VectorKind kind = VectorKind::kLoad;
  VectorEpilogue epilogue = VectorEpilogue::kStore;
  bool has_bias = false;
  uint32_t row = 0;
  uint32_t token = 0;
  uint32_t buffer = 0;
  bool pop_scales = false;
  bool pop_floats = false;
  bool squares = false;
  bool last = false;
  bool largest = false;
  bool zero = false;
  uint32_t raddr = 0;
  uint32_t waddr = 0;
  std::vector<uint32_t> sums;  // [lane]

  bool is_silu() const {
    return kind == VectorKind::kResult && epilogue == VectorEpilogue::kSiluMul;
  }
  bool needs_scales() const { return pop_scales || (valid && kind == VectorKind::kResult); }
  bool needs_floats() const {
    return pop_floats || (valid && (kind == VectorKind::kLoad || kind == VectorKind::kNorm ||
                                    (kind == VectorKind::kResult && has_bias)));
  }

  // The bits of vector_pkg::op_t.
  uint32_t Pack() const {
    uint32_t bits = valid;
    const auto append = [&](uint32_t value, int width) { bits = bits << width | value; };
    append(static_cast<uint32_t>(kind), 2);
    append(static_cast<uint32_t>(epilogue), 2);
    append(has_bias, 1);
    append(row, 3);
    append(token, 4);
    append(buffer, 1);
    append(pop_scales, 1);
    append(pop_floats, 1);
    append(squares, 1);
    append(last, 1);
    append(largest, 1);
    append(zero, 1);
    return bits;
  }
};

// A beat of scales or floats, of all lanes.
struct SideBeat {
  bool is_float = false;
  std::vector<uint64_t> words;  // [lane][segment]
};

// A float that was put out.
struct VectorOutput {
  uint32_t token, row, addr, lane, value;
};

// Runs operations on a vector_array as early as they may come or later, with beats from a stream
// that comes when it likes. Inputs that do not count are random. What is written to the banks is
// kept.
template <class Model, int kLanes, int kSlots, int kWords, int kLanesPerSilu>
class VectorDriver {
 public:
  VectorDriver(Stall beats, Stall operations)
      : beat_stall_(std::move(beats)), op_stall_(std::move(operations)) {
    for (auto& bank : banks_) bank.resize(kWords);
    dut_->op_i = 0;
    dut_->head_read_i = dut_->head_we_i = 0;
    dut_->side_beat_i = 0;
    dut_->scalar_start_i = 0;
    dut_->operand_read_i = 0;
    dut_.Reset();
  }

  void PushBeat(SideBeat beat) { beats_.push_back(std::move(beat)); }
  void PushOp(VectorOp op) { ops_.push_back(std::move(op)); }

  // Until all operations are done.
  void Run() {
    for (int64_t begin = dut_.cycles(); !ops_.empty() || !is_idle_;) {
      Cycle();
      if (dut_.cycles() - begin > 1'000'000) {
        ADD_FAILURE() << ops_.size() << " operations do not start";
        ops_.clear();
        return;
      }
    }
  }

  // Scalars of tokens 0 to n_tokens - 1, when all operations are done.
  void MakeInverseRms(int n_tokens, uint32_t n, uint32_t eps) {
    dut_->n_i = n;
    dut_->eps_i = eps;
    MakeScalars(n_tokens, false, 0);
  }
  void MakeA8(int n_tokens, uint32_t buffer) { MakeScalars(n_tokens, true, buffer); }

  // Codes of a block for all slots: [slot][256]. With `both`, half as many tokens, the second ones
  // with `upper`.
  std::vector<std::vector<int8_t>> Operands(uint32_t buffer, uint32_t block, bool both,
                                            bool upper = false) {
    std::vector<std::vector<int8_t>> codes(kSlots, std::vector<int8_t>(256));
    for (int word = 0; word < 8; ++word) {
      dut_->operand_read_i = 1;
      dut_->operand_buffer_i = buffer;
      dut_->operand_block_i = block;
      dut_->operand_half_i = word / 4;
      dut_->operand_entry_i = word % 4;
      dut_->operand_both_i = both;
      dut_->operand_upper_i = upper;
      Cycle();
      dut_->operand_read_i = 0;
      Cycle();
      for (int byte = 0; byte < 32; ++byte) {
        const int column = 128 * (word / 4) + 4 * byte + word % 4;
        for (int slot = 0; slot < kSlots; ++slot) {
          codes[slot][column] =
              static_cast<int8_t>(Field(dut_->operand_o, 8 * (byte * kSlots + slot), 8));
        }
      }
    }
    return codes;
  }

  uint32_t At(int lane, uint32_t addr) const { return banks_[lane][addr]; }
  std::vector<VectorOutput> TakeOutputs() { return std::exchange(outputs_, {}); }
  bool has_beats() const { return !beats_.empty(); }
  int64_t cycles() const { return dut_.cycles(); }

 private:
  static constexpr int kSegments = 8;

  void MakeScalars(int n_tokens, bool is_a8, uint32_t buffer) {
    dut_->scalar_is_a8_i = is_a8;
    dut_->scalar_buffer_i = buffer;
    dut_->last_token_i = n_tokens - 1;
    dut_->scalar_start_i = 1;
    Cycle();
    dut_->scalar_start_i = 0;
    for (int i = 0; i < 2000; ++i) {
      Cycle();
      if (dut_->scalar_ready_o) return;
    }
    ADD_FAILURE() << "scalars do not come";
  }

  void Cycle() {
    DriveWords();
    dut_.Settle();
    DriveBeat();
    DriveOp();
    dut_.Settle();
    Look();
    is_idle_ = dut_->idle_o && op_cycle_ < dut_.cycles();
    dut_.Edge();
  }

  // Segment j's word comes j + 1 cycles after the beat.
  void DriveWords() {
    Randomize(dut_->word_i, 512 * kLanes, random_);
    const int64_t segment = dut_.cycles() - beat_cycle_ - 1;
    if (segment < 0 || segment >= kSegments) return;
    for (int lane = 0; lane < kLanes; ++lane) {
      SetField(dut_->word_i, 512 * lane + 64 * segment, 64,
               beat_.words[lane * kSegments + segment]);
    }
  }

  void DriveBeat() {
    dut_->side_beat_i = 0;
    dut_->side_is_float_i = random_() % 2;
    if (beats_.empty() || beat_stall_()) return;
    const bool is_float = beats_.front().is_float;
    if ((dut_->side_ready_o >> is_float & 1) == 0) return;
    beat_ = std::move(beats_.front());
    beats_.pop_front();
    beat_cycle_ = dut_.cycles();
    dut_->side_beat_i = 1;
    dut_->side_is_float_i = is_float;
  }

  void DriveOp() {
    VectorOp none;
    none.valid = false;
    none.kind = static_cast<VectorKind>(random_() % 4);
    none.epilogue = static_cast<VectorEpilogue>(random_() % 4);
    none.row = random_() % 8;
    none.token = random_() % kSlots;
    none.squares = random_() % 2;
    none.last = random_() % 2;
    dut_->op_i = none.Pack();
    dut_->raddr_i = random_() % kWords;
    dut_->waddr_i = random_() % kWords;
    Randomize(dut_->sum_i, 32 * kLanes, random_);
    if (ops_.empty() || op_stall_() || !MayCome(ops_.front())) return;
    last_op_ = ops_.front();
    ops_.pop_front();
    op_cycle_ = dut_.cycles();
    dut_->op_i = last_op_.Pack();
    dut_->raddr_i = last_op_.raddr;
    dut_->waddr_i = last_op_.waddr;
    for (size_t lane = 0; lane < last_op_.sums.size(); ++lane) {
      SetField(dut_->sum_i, 32 * lane, 32, last_op_.sums[lane]);
    }
  }

  bool MayCome(const VectorOp& op) {
    const bool is_other = op.kind != last_op_.kind || op.is_silu() != last_op_.is_silu();
    if (is_other && !dut_->idle_o) return false;
    if (op.needs_scales() && (dut_->available_o & 1) == 0) return false;
    if (op.needs_floats() && (dut_->available_o & 2) == 0) return false;
    if (op.squares && (dut_->square_ready_o >> op.token & 1) == 0) return false;
    return !op.is_silu() || dut_.cycles() - op_cycle_ >= kLanesPerSilu;
  }

  void Look() {
    if (!dut_->value_valid_o) return;
    const uint32_t info = dut_->value_info_o;
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<uint32_t>(Field(dut_->value_o, 32 * lane, 32));
      if (info >> 10 == 0) {
        banks_[lane][dut_->value_addr_o] = value;
      } else {
        outputs_.push_back({info & 15, info >> 4 & 7, static_cast<uint32_t>(dut_->value_addr_o),
                            static_cast<uint32_t>(lane), value});
      }
    }
  }

  Bench<Model> dut_;
  Stall beat_stall_, op_stall_;
  std::mt19937 random_{7};
  std::deque<SideBeat> beats_;
  SideBeat beat_;
  int64_t beat_cycle_ = -100;
  std::deque<VectorOp> ops_;
  VectorOp last_op_;
  int64_t op_cycle_ = -100;
  bool is_idle_ = false;
  std::array<std::vector<uint32_t>, kLanes> banks_;
  std::vector<VectorOutput> outputs_;
};

}  // namespace accllm::rtl
