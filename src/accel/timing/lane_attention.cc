// Storing and attending: what LanePass does with the cache. See docs/reference/rtl-kv.md and
// docs/reference/rtl-head.md.
#include <algorithm>
#include <vector>

#include "accel/timing/lane_pass.h"
#include "base/index.h"

namespace accllm::accel {
namespace {

// head_walker: from its start to its first job; from the end of all to the vector unit.
constexpr int64_t kHeadStart = 2;
constexpr int64_t kHeadDone = 2;
// head_unit, behind a job's own cycles: a fold's queries are loaded; the first group of a key or
// value.
constexpr int64_t kFoldStages128 = 185;
constexpr int64_t kFoldStages64 = 133;
constexpr int64_t kGroupStages128 = 310;
constexpr int64_t kGroupStages64 = 274;
constexpr int64_t kGroupCycles = 8;  // of a group's turn
constexpr int64_t kGroupPhase = 6;   // of these turns, in a pass
constexpr int64_t kMostGroups = 48;  // under way
// kv_store: a half beat, from one to the next; to where codes are not needed any more.
constexpr int64_t kHalfCycles = 9;
constexpr int64_t kHalfDims = 64;
// old_codes: sets that wait; from a beat to its codes.
constexpr int64_t kOldSets = 128;
constexpr int64_t kOldStages = 11;
// vector_walker: a store begins, and the next job may.
constexpr int64_t kStoreCycles = 2;
// value_collector: from the last dimension's sums to the first float.
constexpr int64_t kCollectStages = 3 + rtl::kFromIntLatency + rtl::kMulLatency;
constexpr int64_t kUnloads = 3;

}  // namespace

// All slots up to the last one that was ever written.
LanePass::CacheReads LanePass::ReadsOfPass() const {
  const int64_t last = pass_.position + pass_.n_tokens - 1;
  int64_t slot = int64_t{g_.sink_slots} + g_.ring_slots - 1;
  if (last < int64_t{g_.sinks}) {
    slot = last;
  } else if (last < int64_t{g_.ring_slots}) {
    slot = g_.sink_slots + last;
  }
  CacheReads reads;
  reads.chunks = slot / isa::kChunkSlots + 1;
  reads.rows = CeilDiv(reads.chunks * isa::kChunkSlots * cache_.padded_dim,
                       CacheLayout::kBeatDims * g_.lanes);
  reads.queries = int64_t{g_.heads} / g_.kv_heads * n_tokens();
  reads.in_fold = std::max<int64_t>(1, int64_t{g_.slots} / 2);
  reads.folds = CeilDiv(reads.queries, reads.in_fold);
  return reads;
}

// Old beats of values: of each token and head one of each set.
void LanePass::AskStore(const isa::Instruction& i) {
  ++n_stores_;
  if (static_cast<isa::Vector>(i.source) != isa::Vector::kValue) return;
  int64_t cycles = kHeadStart + 3;
  const int64_t head_stripes = cache_.value_stripes() / cache_.kv_heads;
  for (int64_t t = 0; t < n_tokens(); ++t) {
    const int64_t chunk = SlotOf(g_, pass_.position + t) / isa::kChunkSlots;
    for (int64_t head = 0; head < cache_.kv_heads; ++head) {
      for (int64_t set = 0; set < cache_.value_sets(); ++set) {
        stream_.Ask(i.values + head * head_stripes + set * cache_.set_stripes() + chunk, 1, cycles);
        cycles = 1;
      }
    }
  }
}

void LanePass::AskAttend(const isa::Instruction& i) {
  const CacheReads reads = ReadsOfPass();
  const int64_t key_stripes = cache_.key_stripes() / cache_.kv_heads;
  const int64_t value_stripes = cache_.value_stripes() / cache_.kv_heads;
  int64_t cycles = kHeadStart + 3;
  const int64_t ahead = rtl::kHeadsAhead;
  for (int64_t step = 0; step < cache_.kv_heads + ahead; ++step) {
    if (step < cache_.kv_heads) {
      stream_.Ask(i.keys + step * key_stripes,
                  CodeParts() * reads.rows + CeilDiv(reads.rows, CacheLayout::kRecords), cycles,
                  step == 0 ? n_stores_ : 0);
      cycles = 1;
    }
    if (step < ahead) continue;
    for (int64_t set = 0; set < cache_.value_sets(); ++set) {
      stream_.Ask(i.values + (step - ahead) * value_stripes + set * cache_.set_stripes(),
                  CodeParts() * std::min(reads.chunks, cache_.set_stripes()), 1);
    }
  }
}

void LanePass::StoreKv(const isa::Instruction& i, InstructionCycles& record) {
  Begin(record);
  if (StoresTaken() < record.taken && StoresDone() <= record.taken) EndStores();
  vector_ = record.taken + kStoreCycles;
  const bool is_value = static_cast<isa::Vector>(i.source) == isa::Vector::kValue;
  const bool is_split = cache_.padded_dim == 64;
  const int64_t groups = cache_.n_groups();
  const int64_t job = cache_.padded_dim / std::min<int64_t>(4, g_.lanes);
  const int64_t to_group = job + (is_split ? kGroupStages64 : kGroupStages128);
  const int64_t halves = CodeParts() * CeilDiv(cache_.padded_dim, kHalfDims);
  const int64_t ahead = kMostGroups / groups;
  // Behind keys that are being stored, if there are any.
  const int64_t n_units = g_.head_units;
  store_.units.resize(Index(n_units));
  std::vector<int64_t> next_half;  // beat of each unit
  for (HeadUnit& unit : store_.units) {
    unit.next_job = std::max(unit.next_job, record.taken + kHeadStart);
    next_half.push_back(std::max(record.taken + kHeadStart + 1, unit.taken + 2));
  }
  std::vector<int64_t> used;  // old codes
  for (int64_t head = 0; head < n_tokens() * cache_.kv_heads; ++head) {
    HeadUnit& unit = store_.units[Index(head % n_units)];
    int64_t& next = next_half[Index(head % n_units)];
    const bool is_first = head % cache_.kv_heads < n_units;  // of a token, for its unit
    if (head >= n_units && is_first) next = unit.taken + 2;  // another run
    // Groups come in turns of eight cycles, the codes of a head when the last one's have left.
    const int64_t behind = std::ssize(unit.groups) - ahead;
    if (behind >= 0) unit.next_job = std::max(unit.next_job, unit.groups[Index(behind)] + 1);
    const int64_t there = begin_ + kGroupPhase +
                          RoundUp(unit.next_job + to_group - begin_ - kGroupPhase, kGroupCycles);
    unit.next_job += job;
    unit.groups.push_back(std::max(there, unit.codes_free + 1));
    next = std::max({next, there + kGroupCycles * (groups - 1) + 1, unit.codes_free + groups + 1});
    const auto write_half = [&](int64_t lane) {
      unit.taken = next + kHalfCycles;
      stream_.Write(is_value ? i.values : i.keys, lane, unit.taken + 1);
      next = unit.taken;
    };
    if (is_value) {
      for (int64_t set = 0; set < cache_.value_sets(); ++set) {
        const int64_t before = std::ssize(used) - kOldSets;
        const int64_t room = before < 0 ? 0 : used[Index(before)] + 1;
        next = std::max(next, TakeBeat(0, room, {1, 0}, record) + kOldStages);
        used.push_back(next);
        write_half(-1);
        write_half(-1);
      }
    } else {
      for (int64_t half = 0; half < halves; ++half) write_half(head % g_.lanes);
    }
    unit.codes_free = next - 1;
    for (int64_t half = 0; half < halves; ++half) write_half(head % g_.lanes);
  }
  record.end = StoresTaken();
  record.vector_cycles = n_tokens() * cache_.kv_heads * 4 * VectorCycles(g_.head_dim);
  store_.records.push_back(records_.size());
}

bool LanePass::GoesBesideStores(const isa::Instruction& i) const {
  const auto is_stored = [&](isa::Vector vector) {
    return std::any_of(store_.records.begin(), store_.records.end(), [&](size_t record) {
      return instructions_[records_[record].index].source == static_cast<uint32_t>(vector);
    });
  };
  if (static_cast<isa::Opcode>(i.opcode) == isa::Opcode::kStoreKv) {
    return static_cast<isa::Vector>(i.source) == isa::Vector::kValue &&
           !is_stored(isa::Vector::kValue);
  }
  return static_cast<isa::Opcode>(i.opcode) == isa::Opcode::kLinear &&
         static_cast<isa::Epilogue>(i.epilogue) == isa::Epilogue::kStore &&
         !is_stored(static_cast<isa::Vector>(i.destination));
}

int64_t LanePass::StoresTaken() const {
  int64_t taken = 0;
  for (const HeadUnit& unit : store_.units) taken = std::max(taken, unit.taken);
  return taken;
}

int64_t LanePass::StoresDone() { return std::max(StoresTaken(), stream_.Written()) + kHeadDone; }

// They end together, one reported after the other.
void LanePass::EndStores() {
  if (store_.records.empty()) return;
  int64_t done = StoresDone();
  for (const size_t record : store_.records) {
    records_[record].end = done;
    stream_.Release(done++ + 1);
  }
  vector_ = std::max(vector_, done);
  store_ = {};
}

// Heads under way: whose keys are taken, whose scores are weighed, whose values are taken.
class LanePass::AttendHeads {
 public:
  AttendHeads(LanePass& pass, InstructionCycles& record)
      : p_(pass),
        record_(record),
        reads_(pass.ReadsOfPass()),
        is_split_(pass.cache_.padded_dim == 64),
        steps_(reads_.rows * reads_.queries * (is_split_ ? 2 : 1)),
        next_job_(record.taken + kHeadStart) {}

  void TakeKeys() {
    const int64_t loaded = Load();
    const int64_t in_row = is_split_ ? 2 : 1;  // scores of a query and a beat
    for (int64_t row = 0; row < reads_.rows; ++row) {
      if (row % CacheLayout::kRecords == 0) p_.TakeBeat(loaded, 0, {1, 0}, record_);
      for (int64_t fold = 0; fold < reads_.folds; ++fold) {
        const int64_t n = QueriesOf(fold);
        const int64_t at = UseBeat(fold, keys_free_, n);
        keys_free_ = at + n * in_row;
      }
    }
    keys_done_.push_back(p_.lanes_ - 1);
    Weigh(in_row * QueriesOf(reads_.folds - 1));
  }

  void TakeValues() {
    // They begin when the head's levels are there.
    const size_t head = started_.size();
    MakeLevels(head);
    p_.WaitForInputs(leveled_[head], record_);
    const int64_t start = p_.lanes_;
    started_.push_back(start);
    p_.lanes_ = start + 1;
    feed_ = start + 1;
    const int64_t lanes_together = std::min<int64_t>(p_.g_.lanes, 8);
    const int64_t collects = 4 * lanes_together * reads_.in_fold;
    const int64_t chunk_rows =
        CeilDiv(isa::kChunkSlots * p_.cache_.padded_dim, CacheLayout::kBeatDims * p_.g_.lanes);
    const int64_t beats = std::min(reads_.chunks, p_.cache_.set_stripes());
    for (int64_t set = 0; set < p_.cache_.value_sets(); ++set) {
      for (int64_t fold = 0; fold < reads_.folds; ++fold) {
        for (int64_t beat = 0; beat < beats; ++beat) {
          const int64_t filled = FillLevels(chunk_rows);
          const bool is_last = beat + 1 == beats;
          const int64_t at =
              UseBeat(fold, std::max(filled, is_last ? before_ + 1 : 0), QueriesOf(fold));
          places_[n_used_++ % rtl::kLevelPlaces] = at + rtl::kFreeDelay + 1;
        }
        // Sums leave a dimension a cycle, and their floats one by one; two sets may be on their
        // way.
        before_ = collected_;
        const int64_t unloaded = p_.lanes_ - 1 + kUnloads + rtl::kLaneStages;
        collected_ = std::max(unloaded + kCollectStages, collected_) + collects;
        p_.lanes_ += kUnloads;
      }
    }
  }

  int64_t collected() const { return collected_; }

 private:
  int64_t QueriesOf(int64_t fold) const {
    return std::min(reads_.in_fold, reads_.queries - fold * reads_.in_fold);
  }

  // The head's queries, twice: for sinks and for the window. There are places for some heads.
  int64_t Load() {
    const size_t head = keys_done_.size();
    const int64_t job = p_.cache_.padded_dim / std::min<int64_t>(4, p_.g_.lanes);
    const size_t places = reads_.folds <= 2 ? 4 : 2;
    if (head >= places) next_job_ = std::max(next_job_, keys_done_[head - places] + 1);
    next_job_ += 2 * reads_.queries * job;
    return next_job_ + (is_split_ ? kFoldStages64 : kFoldStages128) + 1;
  }

  // The engine's next beat for a fold of the queries; they all come from the stream once.
  int64_t UseBeat(int64_t fold, int64_t ready, int64_t n_queries) {
    const bool is_last = fold + 1 == reads_.folds;
    const int64_t slots = p_.g_.slots;
    const int64_t parts = p_.CodeParts();
    const Cost cost = {parts * (slots == 1 ? 2 : 1), std::min(slots, 2 * n_queries)};
    p_.WaitForInputs(ready, record_);
    for (int64_t part = 0; part < parts; ++part) {
      if (fold == 0) {
        p_.TakeBeat(0, 0, cost, record_, is_last);
      } else {
        record_.busy += cost.cycles;
        record_.slot_cycles += cost.cycles * cost.slots;
        p_.lanes_ += cost.cycles;
        if (is_last) p_.stream_.Free(p_.lanes_ - 1);
      }
    }
    return p_.lanes_ - 1;
  }

  // A walk over the scores finds the largest of all and weights; then a head's scalars are made.
  void Weigh(int64_t last_scores) {
    const int64_t most_queries = p_.HeadQueries();
    const int64_t scored = keys_done_.back() + rtl::kStepStage + last_scores - 1 +
                           rtl::kScoreStages + most_queries + p_.levels_ + 1;
    int64_t begin = std::max(scored, weigher_);
    // One head waits between the walks.
    if (scalars_.size() >= 2) begin = std::max(begin, MakeLevels(scalars_.size() - 2) + 1);
    const int64_t end = begin + steps_;
    // Scalars of two heads must not meet.
    weigher_ = end + 1 + rtl::kHeadScalarStages + 2 * most_queries + 2;
    scalars_.push_back(end + rtl::kWeightStages + PartLevels() + 2 + rtl::kHeadScalarStages +
                       2 * most_queries + 2);
  }

  // The second walk, when the values of the head before have begun; returns when it begins.
  int64_t MakeLevels(size_t head) {
    if (head < leveled_.size()) return levels_begun_[head];
    int64_t begin = std::max(scalars_[head], levels_free_);
    if (head >= 1) begin = std::max(begin, started_[head - 1] + 1);
    const int64_t done = begin + steps_ + rtl::kLevelStages + PartLevels() + rtl::kZeroSumStages;
    levels_free_ = done + 1;
    leveled_.push_back(done + 2);
    levels_begun_.push_back(begin);
    return begin;
  }
  // Of trees over the lanes of a part.
  int64_t PartLevels() const { return std::min<int64_t>(p_.levels_, 4); }

  // A chunk's levels come row by row, into one of so many places.
  int64_t FillLevels(int64_t rows) {
    feed_ = std::max(feed_, places_[n_filled_++ % rtl::kLevelPlaces]) + rows;
    return feed_ - 1 + 3;
  }

  LanePass& p_;
  InstructionCycles& record_;
  CacheReads reads_;
  bool is_split_;
  int64_t steps_;  // of a walk
  int64_t next_job_;
  int64_t keys_free_ = 0;
  int64_t weigher_ = 0, levels_free_ = 0, feed_ = 0;
  int64_t before_ = -1, collected_ = -1;  // the last sets of sums have left
  std::vector<int64_t> keys_done_, scalars_, levels_begun_, leveled_, started_;  // of each head
  std::array<int64_t, rtl::kLevelPlaces> places_ = {};
  int64_t n_filled_ = 0, n_used_ = 0;
};

void LanePass::Attend(const isa::Instruction& /*i*/, InstructionCycles& record) {
  Begin(record);
  AttendHeads heads(*this, record);
  const int64_t ahead = rtl::kHeadsAhead;
  for (int64_t step = 0; step < cache_.kv_heads + ahead; ++step) {
    if (step < cache_.kv_heads) heads.TakeKeys();
    if (step >= ahead) heads.TakeValues();
  }
  WaitForResults(heads.collected() + 1, record);
  record.end = heads.collected() + kHeadDone + kSettleCycles;
  const CacheReads reads = ReadsOfPass();
  const int64_t scores = reads.chunks * isa::kChunkSlots * reads.queries;
  record.vector_cycles = cache_.kv_heads * 2 * VectorCycles(scores);
  vector_ = record.end + 1;
}

}  // namespace accllm::accel
