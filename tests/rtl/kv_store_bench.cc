#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "Vkv_store_tiles.h"
#include "accel/functional/machine_state.h"
#include "accel/program/layout.h"
#include "kernels/hadamard/hadamard.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/kv4_groups.h"
#include "tests/rtl/tile_sinks.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kMaxTokens = isa::kMaxSlots;
constexpr int64_t kStripeBytes = kLanes * isa::kBeatBytes;
constexpr size_t kStripeWords = kStripeBytes / 4;

using Stripe = std::vector<uint32_t>;  // a beat of every lane

// A token's keys or values.
struct TokenRun {
  bool is_value = false;
  int64_t slot = 0;
};

// The unit beside the functional model, with a cache of random bytes.
class KvStore : public testing::Test {
 protected:
  struct Shape {
    int64_t dim = 64, kv_heads = 1, sink_chunks = 0, ring_chunks = 1;
  };

  void Open(const Shape& shape) {
    isa::Geometry& g = model_.g;
    g = {};
    g.lanes = kLanes;
    g.slots = kMaxTokens;
    g.head_dim = shape.dim;
    g.kv_heads = shape.kv_heads;
    g.sink_slots = shape.sink_chunks * isa::kChunkSlots;
    g.sinks = g.sink_slots == 0 ? 0 : g.sink_slots - random_() % isa::kChunkSlots;
    g.ring_slots = shape.ring_chunks * isa::kChunkSlots;
    layout_ = accel::CacheLayout::For(g);
    store_.keys = 1 + random_() % 5;
    store_.values = store_.keys + layout_.key_stripes() + random_() % 3;
    g.rope_address = store_.values + layout_.value_stripes() + 1;
    const int64_t stripes = g.rope_address + kMaxTokens * accel::RopeStripes(g);
    Result<HugeBuffer> memory = HugeBuffer::Allocate(stripes * kStripeBytes);
    ASSERT_TRUE(memory.has_value());
    model_.memory = *std::move(memory);
    for (int64_t at = 0; at < stripes * kStripeBytes; at += 4) {
      const uint32_t word = random_();
      std::memcpy(model_.memory.data() + at, &word, sizeof(word));
    }
    memory_.assign(model_.memory.data(), model_.memory.data() + stripes * kStripeBytes);
    // No rotation.
    for (int64_t token = 0; token < kMaxTokens; ++token) {
      std::vector<float> angles(accel::RopeFloats(g));
      for (int64_t i = 0; i < shape.dim / 2; ++i) angles[i] = 1;
      const std::vector<uint8_t> bytes = accel::StoreNarrowVector(angles, kLanes);
      const int64_t at = g.rope_address + token * accel::RopeStripes(g);
      std::copy(bytes.begin(), bytes.end(), model_.At(at));
      std::copy(bytes.begin(), bytes.end(), memory_.begin() + at * kStripeBytes);
    }
  }

  void FillVectors() {
    const auto size = static_cast<size_t>(model_.g.kv_heads * model_.g.head_dim);
    for (const isa::Vector vector : {isa::Vector::kKey, isa::Vector::kValue}) {
      std::vector<float>& floats = model_.vectors[static_cast<size_t>(vector)];
      floats.resize(kMaxTokens * size);
      for (float& value : floats) value = std::normal_distribution<float>()(random_);
    }
  }

  // Tokens of one pass by the model, and what the unit gets for them.
  void Prepare(int64_t position, int64_t n_tokens) {
    FillVectors();
    model_.pass.position = static_cast<uint32_t>(position);
    model_.pass.n_tokens = static_cast<uint32_t>(n_tokens);
    for (int64_t token = 0; token < n_tokens; ++token) {
      const int64_t slot = accel::SlotOf(model_.g, position + token);
      for (const bool is_value : {false, true}) PrepareRun({is_value, slot}, token);
    }
    for (const isa::Vector vector : {isa::Vector::kKey, isa::Vector::kValue}) {
      store_.source = static_cast<uint32_t>(vector);
      accel::RunStoreKv(model_, store_);
    }
  }

  void PrepareRun(const TokenRun& run, int64_t token) {
    runs_.push_back(run);
    const auto of = model_.Of(run.is_value ? isa::Vector::kValue : isa::Vector::kKey, token);
    const int64_t dim = model_.g.head_dim;
    for (int64_t head = 0; head < layout_.kv_heads; ++head) {
      std::vector<float> x(of.begin() + head * dim, of.begin() + (head + 1) * dim);
      if (!run.is_value) kernels::Hadamard(x.data(), dim);
      const std::vector<Kv4Group> groups = Kv4GroupsOf(x);
      groups_.insert(groups_.end(), groups.begin(), groups.end());
      for (int64_t quad = 0; run.is_value && quad < layout_.quads(); quad += kLanes) {
        const int64_t chunk = run.slot / isa::kChunkSlots;
        const int64_t stripe = layout_.ValueBeat(head, chunk, quad).stripe;
        // As they are before all tokens of the pass.
        Stripe& old = old_.emplace_back(kStripeWords);
        std::memcpy(old.data(), &memory_[(store_.values + stripe) * kStripeBytes], kStripeBytes);
      }
    }
  }

  void Reset(uint32_t seed) {
    auto stall = [&](uint32_t i) { return seed == 0 ? Stall::Never() : Stall(100 * seed + i); };
    start_stall_.emplace(stall(1));
    beat_stall_.emplace(stall(2));
    source_.emplace(stall(3));
    sinks_.emplace(kLanes, [&](int lane) { return stall(static_cast<uint32_t>(10 + lane)); });
    dut_->start_i = 0;
    dut_->group_valid_i = 0;
    dut_->beat_i = 0;
    dut_.Reset();
    base_ = random_();
    dut_->split_i = layout_.padded_dim == 64;
    dut_->n_heads_i = static_cast<uint16_t>(layout_.kv_heads);
    dut_->head_key_stripes_i = static_cast<uint32_t>(layout_.RecordStripe(1, 0));
    dut_->n_chunks_i = static_cast<uint32_t>(layout_.n_chunks());
  }

  // All that was prepared. Returns the cycles that it took.
  int64_t Store() {
    for (const Kv4Group& group : groups_) source_->Push(group);
    groups_.clear();
    const int64_t begin = dut_.cycles();
    const int64_t end = begin + 1'000'000;
    while ((!runs_.empty() || !dut_->idle_o) && dut_.cycles() < end) Cycle();
    EXPECT_TRUE(old_.empty() && source_->empty()) << "something was not used";
    return dut_.cycles() - begin;
  }

  void Cycle() {
    const bool starts = dut_->idle_o && !runs_.empty() && !(*start_stall_)();
    dut_->start_i = starts;
    if (starts) {
      dut_->is_value_i = runs_.front().is_value;
      dut_->slot_i = static_cast<uint32_t>(runs_.front().slot);
      dut_->keys_i = base_ + store_.keys;
      dut_->values_i = base_ + store_.values;
      runs_.pop_front();
    } else {  // means nothing
      dut_->is_value_i = random_() % 2;
      dut_->slot_i = random_() >> 10;
      dut_->keys_i = random_();
      dut_->values_i = random_();
    }
    dut_->group_valid_i = source_->Valid();
    const Kv4Group group = source_->Data();
    Assign(dut_->codes_i, group.codes);
    dut_->group_i = static_cast<uint8_t>(group.group);
    dut_->scale_i = static_cast<uint16_t>(group.scale);
    dut_->last_i = group.is_last;
    DriveOldBeats();
    sinks_->Drive(dut_.model());
    dut_.Settle();
    source_->Sample(dut_->group_ready_o);
    sinks_->Sample(dut_.model(), [&](int lane, const HalfBeat& half) { Write(lane, half); });
    dut_.Edge();
  }

  void DriveOldBeats() {
    for (size_t i = 0; i < kStripeWords; ++i) dut_->word_i[i] = random_();
    for (size_t j = 0; j < read_.size(); ++j) {
      if (read_[j].empty()) continue;
      for (size_t i = 0; i < kStripeWords; i += 16) {
        dut_->word_i[i + 2 * j] = read_[j][i + 2 * j];
        dut_->word_i[i + 2 * j + 1] = read_[j][i + 2 * j + 1];
      }
    }
    std::shift_right(read_.begin(), read_.end(), 1);
    read_[0].clear();
    dut_->beat_i = dut_->room_o && !old_.empty() && !(*beat_stall_)();
    if (dut_->beat_i) {
      read_[0] = std::move(old_.front());
      old_.pop_front();
    }
  }

  void Write(int lane, const HalfBeat& half) {
    const uint32_t stripe = half.stripe - base_;
    const int64_t first =
        stripe * kStripeBytes + lane * isa::kBeatBytes + (half.is_upper ? HalfBeat::kBytes : 0);
    ASSERT_LE(first + HalfBeat::kBytes, std::ssize(memory_)) << "stripe " << stripe;
    for (int i = 0; i < HalfBeat::kBytes; ++i) {
      if (half.strobe >> i & 1) memory_[first + i] = half.Byte(i);
    }
  }

  void CompareMemory() {
    for (int64_t at = 0; at < std::ssize(memory_); ++at) {
      ASSERT_EQ(memory_[at], model_.memory.data()[at])
          << "stripe " << at / kStripeBytes << ", lane " << at / isa::kBeatBytes % kLanes
          << ", byte " << at % isa::kBeatBytes << "; keys " << store_.keys << ", values "
          << store_.values;
    }
  }

  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  int64_t RandomDim() {
    constexpr int64_t kDims[] = {128, 64, 96, 48};
    return kDims[Below(kLanes == 32 ? 1 : 4)];
  }

  std::mt19937 random_{1};
  accel::MachineState model_;
  accel::CacheLayout layout_;
  isa::Instruction store_ = {};
  std::vector<uint8_t> memory_;  // the unit's
  Bench<Vkv_store_tiles> dut_;
  uint32_t base_ = 0;  // of its stripes
  std::deque<TokenRun> runs_;
  std::vector<Kv4Group> groups_;
  std::deque<Stripe> old_;
  std::array<Stripe, 8> read_;  // the last cycles' old beats
  std::optional<Stall> start_stall_, beat_stall_;
  std::optional<Source<Kv4Group>> source_;
  std::optional<TileSinks> sinks_;
};

TEST_F(KvStore, LeavesTheCacheAsTheFunctionalModelDoes) {
  for (uint32_t i = 1; i <= 60 && !HasFailure(); ++i) {
    const int64_t chunks = i % 20 == 0 ? 1024 : 1 + Below(6);
    Open({RandomDim(), 1 + Below(5), Below(3), chunks});
    Reset(i);
    for (int pass = 0; pass < 4; ++pass) {
      const int64_t n_slots = model_.g.sink_slots + model_.g.ring_slots;
      Prepare(Below(2 * n_slots), 1 + Below(kMaxTokens));
      Store();
    }
    CompareMemory();
  }
}

TEST_F(KvStore, AResetEndsARun) {
  for (uint32_t i = 1; i <= 20 && !HasFailure(); ++i) {
    Open({RandomDim(), 3, 0, 2});
    Reset(i);
    Prepare(Below(50), 2);
    for (const Kv4Group& group : groups_) source_->Push(group);
    const int64_t cycles = Below(300);
    for (int64_t cycle = 0; cycle < cycles; ++cycle) Cycle();
    runs_.clear();
    groups_.clear();
    old_.clear();
    Open({RandomDim(), 3, 0, 2});
    Reset(i);
    Prepare(Below(50), 2);
    Store();
    CompareMemory();
  }
}

// Nine cycles for each half of a beat, behind the groups of the first head or its first old codes.
TEST_F(KvStore, TakesNineCyclesAHalfWithoutStalls) {
  constexpr int64_t kHeads = 16;
  for (const int64_t dim : {128, 64}) {
    if (dim < 4 * kLanes) continue;
    for (const bool is_value : {false, true}) {
      Open({dim, kHeads, 0, 2});
      Reset(0);
      FillVectors();
      PrepareRun({is_value, 7}, 0);
      const int64_t halves = dim / 64 + (is_value ? 2 * layout_.value_sets() : dim / 64);
      EXPECT_EQ(Store(), 9 * halves * kHeads + (is_value ? 13 : layout_.n_groups() + 1))
          << "dimensions " << dim << (is_value ? ", values" : ", keys");
    }
  }
}

}  // namespace
}  // namespace accllm::rtl
