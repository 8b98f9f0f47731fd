// Heads of queries, keys and values out of banks of random floats, against the kernels.
#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "Vhead_unit.h"
#include "accel/rtl/field.h"
#include "kernels/attention/attention.h"
#include "kernels/hadamard/hadamard.h"
#include "kernels/kv4/kv4.h"
#include "kernels/quantize/quantize.h"
#include "kernels/rope/rope.h"
#include "tests/rtl/bench.h"
#include "tests/rtl/float_operands.h"
#include "tests/rtl/stream.h"
#include "tests/rtl/vectors.h"
#include "tests/rtl/wide.h"

namespace accllm::rtl {
namespace {

constexpr int kLanes = ACCLLM_LANES;
constexpr int kSlots = ACCLLM_SLOTS;
constexpr int kHeadQueries = ACCLLM_HEAD_QUERIES;
constexpr int kWords = ACCLLM_WORDS;
constexpr int kQueries = kSlots / 2;
constexpr int kUnits = kWords / (8 * kSlots);
constexpr int kHeldDelay = 2;
constexpr int kSegments = 8;
constexpr int kGroup = 32;
constexpr int kKeyGroups = 4;

enum class Kind : uint32_t { kQuery, kKey, kValue };

// head_pkg::job_t, and where the head is.
struct Job {
  Kind kind = Kind::kQuery;
  bool is_far = false;
  int token = 0;
  int query = 0;
  bool ends_fold = false;
  int bank = 0;
  int tile = 0;  // the head's first, of all of the token

  uint32_t Pack() const {
    auto bits = static_cast<uint32_t>(kind);
    const auto append = [&](uint32_t value, int width) { bits = bits << width | value; };
    append(is_far, 1);
    append(token, 4);
    append(query, 4);
    append(ends_fold, 1);
    append(bank, 2);
    append(tile % kLanes, 5);
    return bits;
  }
  int unit() const { return tile / kLanes; }
  uint32_t raddr() const { return 8 * (unit() * kSlots + token); }
};

struct Query {
  std::vector<int8_t> codes;
  float scale = 0;
};

// Half of a fold, as it goes to the engine.
struct Feed {
  int half = 0;
  uint32_t entry = 0;
  std::array<std::optional<Query>, kQueries> queries;  // those that came
};

struct Table {
  int bank = 0, query = 0;
  float sink = 0, window = 0;
};

struct Group {
  std::array<uint32_t, 4> codes = {};
  uint32_t group = 0;
  uint32_t scale = 0;
  bool is_last = false;
  bool operator==(const Group&) const = default;
};

// Floats of all tokens in banks, and their angles.
class Memory {
 public:
  Memory(bool split, uint32_t seed)
      : dim_(split ? 64 : 128),
        n_queries_(seed % 3 == 0 ? std::min(2 * kQueries, kHeadQueries) : kHeadQueries),
        random_(seed) {
    for (int token = 0; token < kSlots; ++token) {
      for (int head = 0; head < n_heads(); ++head) FillHead(token, head);
      angles_.push_back(Angles());
    }
  }

  int dim() const { return dim_; }
  bool split() const { return dim_ == 64; }
  // Of queries of up to two folds.
  bool four_banks() const { return n_queries() <= 2 * kQueries; }
  int n_queries() const { return n_queries_; }
  int n_heads() const { return kUnits * kLanes * 8 / dim_; }
  uint32_t At(int lane, uint32_t address) const { return banks_[lane][address]; }
  const std::vector<float>& angles(int token) const { return angles_[token]; }

  std::vector<float> Head(const Job& job) const {
    std::vector<float> x(dim_);
    for (int i = 0; i < dim_; ++i) {
      const auto [lane, address] = PlaceOf(job.token, job.tile, i);
      x[i] = AsFloat(banks_[lane][address]);
    }
    return x;
  }

  // Rotated and transformed.
  std::vector<float> Transformed(const Job& job) const {
    const std::vector<float> x = Head(job);
    const float* cosines = angles_[job.token].data() + (job.is_far ? dim_ : 0);
    std::vector<float> out(dim_);
    kernels::Rope(x.data(), cosines, cosines + dim_ / 2, dim_, out.data());
    kernels::Hadamard(out.data(), dim_);
    return out;
  }

 private:
  static std::pair<int, uint32_t> PlaceOf(int token, int first_tile, int i) {
    const int tile = first_tile + i / 8;
    return {tile % kLanes, static_cast<uint32_t>(8 * (tile / kLanes * kSlots + token) + i % 8)};
  }

  void FillHead(int token, int head) {
    Vector vector(static_cast<int64_t>(random_()));
    const uint32_t kind = vector.Below(12);
    std::normal_distribution<float> normal(0, 1);
    int exponent = static_cast<int>(vector.Below(9)) - 4;
    if (kind == 1) exponent = -static_cast<int>(vector.Below(150));  // subnormal, too small
    if (kind == 2) exponent = static_cast<int>(vector.Below(128));   // sums overflow
    for (int i = 0; i < dim_; ++i) {
      float x = std::ldexp(normal(random_), exponent);
      if (kind == 3) x = 0;
      if (kind == 4) x = AsFloat(AnyFloat(vector));
      if (kind == 5 && vector.Below(8) != 0) x = vector.Below(2) == 0 ? 0.0F : -0.0F;
      if (kind == 6) x = std::ldexp(x, -static_cast<int>(vector.Below(40)));
      const auto [lane, address] = PlaceOf(token, head * dim_ / 8, i);
      banks_[lane][address] = AsBits(x);
    }
    if (kind == 7) {  // one that is not finite
      const auto [lane, address] =
          PlaceOf(token, head * dim_ / 8, static_cast<int>(vector.Below(dim_)));
      banks_[lane][address] = 0x7F800000U + vector.Below(3);
    }
  }

  // [cosines, sines, far cosines, far sines][dim / 2]
  std::vector<float> Angles() {
    std::uniform_real_distribution<float> angle(0, 6.3F);
    std::vector<float> angles(2 * dim_);
    for (int i = 0; i < 2 * dim_; ++i) {
      const bool is_sine = i / (dim_ / 2) % 2 != 0;
      angles[i] = is_sine ? std::sin(angle(random_)) : std::cos(angle(random_));
      if (random_() % 16 == 0)
        angles[i] = std::array{0.0F, -0.0F, 1.0F, -1.0F, 1e-40F}[random_() % 5];
    }
    return angles;
  }

  int dim_;
  int n_queries_;  // that share a KV head, at most
  std::mt19937 random_;
  std::array<std::array<uint32_t, kWords>, kLanes> banks_ = {};
  std::vector<std::vector<float>> angles_;  // [token]
};

// What a job gives, job by job.
class Model {
 public:
  explicit Model(const Memory& memory) : m_(memory) {}

  std::deque<Feed> feeds;
  std::deque<Table> tables;
  std::deque<Group> groups;
  std::deque<bool> folds;  // whether they end with a table

  void Take(const Job& job) {
    if (job.kind == Kind::kQuery) {
      TakeQuery(job);
    } else {
      TakeVector(job.kind == Kind::kKey ? m_.Transformed(job) : m_.Head(job));
    }
  }

  bool is_empty() const {
    return feeds.empty() && tables.empty() && groups.empty() && folds.empty();
  }

 private:
  void TakeQuery(const Job& job) {
    Query query = {std::vector<int8_t>(m_.dim())};
    kernels::QuantizeQuery(m_.Transformed(job).data(), m_.dim(), m_.dim(), query.codes.data(),
                           &query.scale);
    const float factor = query.scale * kernels::ScoreFactor(m_.dim());
    if (job.is_far) {
      sinks_[job.query] = factor;
    } else {
      tables.push_back({job.bank, job.query, sinks_[job.query], factor});
    }
    fold_[job.query % kQueries] = query;
    if (!job.ends_fold) return;
    const int place = m_.four_banks() ? job.bank << 2 : job.bank % 2 << 3;
    const auto entry =
        static_cast<uint32_t>(place | job.query / kQueries << 1 | (job.is_far ? 1 : 0));
    for (int half = 0; half < 2; ++half) feeds.push_back({half, entry, fold_});
    folds.push_back(!job.is_far);
    fold_ = {};
  }

  void TakeVector(const std::vector<float>& x) {
    const int n_groups = m_.dim() / kGroup;
    std::vector<uint8_t> codes(m_.dim() / 2);
    std::array<uint8_t, kKeyGroups> parameters = {};
    uint16_t scale = 0;
    kernels::QuantizeKv(x.data(), m_.dim(), {codes.data(), &scale, parameters.data(), 1});
    for (int g = 0; g < n_groups; ++g) {
      Group group = {{}, parameters[g], scale, g + 1 == n_groups};
      for (int i = 0; i < kGroup; ++i) {
        const int code = kernels::KvCode(codes.data(), m_.dim(), kGroup * g + i);
        group.codes[i / 8] |= static_cast<uint32_t>(code) << 4 * (i % 8);
      }
      groups.push_back(group);
    }
  }

  const Memory& m_;
  std::array<float, kHeadQueries> sinks_ = {};
  std::array<std::optional<Query>, kQueries> fold_;
};

class Machine {
 public:
  Machine(const Memory& memory, Stall jobs, Stall groups)
      : m_(memory), model_(memory), jobs_(std::move(jobs)), sink_(std::move(groups)) {
    dut_->split_i = m_.split();
    dut_->four_banks_i = m_.four_banks();
    dut_->angle_start_i = dut_->angle_beat_i = 0;
    dut_->job_valid_i = dut_->group_ready_i = 0;
    dut_.Reset();
    LoadAngles();
  }

  void Push(const Job& job) { jobs_.Push(job); }
  // While they are held, nobody takes groups.
  void HoldGroups(bool hold) { is_held_ = hold; }
  void Wait(int cycles) {
    for (int i = 0; i < cycles; ++i) Cycle();
  }
  const std::vector<int64_t>& accepted() const { return accepted_; }
  int64_t first_group() const { return first_group_; }
  const std::vector<int64_t>& folds_done() const { return folds_done_; }

  // Until all is done.
  void Run() {
    int64_t quiet = 0;
    while ((!jobs_.empty() || !is_idle_) && quiet < 20000 && !testing::Test::HasFatalFailure()) {
      const size_t left = model_.groups.size() + accepted_.size();
      Cycle();
      quiet = left == model_.groups.size() + accepted_.size() ? quiet + 1 : 0;
    }
    EXPECT_TRUE(jobs_.empty()) << "jobs are not taken";
    EXPECT_TRUE(is_idle_) << "it is never idle again";
    EXPECT_TRUE(model_.is_empty());
  }

 private:
  void LoadAngles() {
    dut_->angle_start_i = 1;
    Cycle();
    for (int token = 0; token < kSlots; ++token) {
      const std::vector<float>& angles = m_.angles(token);
      for (size_t first = 0; first < angles.size(); first += 16) {
        dut_->angle_beat_i = 1;
        angle_beats_.push_back({dut_.cycles(), &angles[first]});
        Cycle();
        while (random_() % 4 == 0) Cycle();
      }
    }
  }

  void Cycle() {
    DriveWords();
    DriveHeld();
    dut_->job_valid_i = jobs_.Valid();
    const Job job = jobs_.Data();
    dut_->job_i = job.Pack();
    dut_->job_raddr_i = job.raddr();
    dut_->group_ready_i = !is_held_ && sink_.Ready();
    dut_.Settle();
    Look();
    if (jobs_.Sample(dut_->job_ready_o)) {
      is_idle_ = false;
      model_.Take(job);
      accepted_.push_back(dut_.cycles());
    }
    dut_.Edge();
    dut_->angle_start_i = dut_->angle_beat_i = 0;
  }

  void DriveWords() {
    Randomize(dut_->word_i, 512, random_);
    for (const auto& [cycle, floats] : angle_beats_) {
      const int64_t segment = dut_.cycles() - cycle - 1;
      if (segment < 0 || segment >= kSegments) continue;
      for (int64_t i = 2 * segment; i < 2 * segment + 2; ++i) {
        SetField(dut_->word_i, 32 * i, 32, AsBits(floats[i]));
      }
    }
    if (!angle_beats_.empty() && angle_beats_.front().first + kSegments < dut_.cycles()) {
      angle_beats_.pop_front();
    }
  }

  void DriveHeld() {
    const std::optional<uint32_t> address = reads_[dut_.cycles() % kHeldDelay];
    for (int lane = 0; lane < kLanes; ++lane) {
      SetField(dut_->held_i, 32 * lane, 32, address ? m_.At(lane, *address) : random_());
    }
  }

  void Look() {
    reads_[dut_.cycles() % kHeldDelay] =
        dut_->read_o ? std::optional<uint32_t>(dut_->raddr_o) : std::nullopt;
    ASSERT_TRUE(!dut_->read_o || dut_->raddr_o < kWords);
    is_idle_ = dut_->idle_o;
    if (is_idle_) {
      ASSERT_TRUE(model_.is_empty()) << "it is idle too early";
    }
    if (dut_->feed_we_o != 0) LookAtFeed();
    if (dut_->table_we_o) LookAtTable();
    if (dut_->fold_done_o) LookAtFold();
    const Group group = {Words(dut_->codes_o), dut_->group_o, dut_->scale_o,
                         static_cast<bool>(dut_->last_o)};
    if (dut_->group_valid_o && first_group_ == 0) first_group_ = dut_.cycles();
    if (!is_held_ && sink_.Sample(dut_->group_valid_o, group)) {
      ASSERT_FALSE(model_.groups.empty());
      const Group expected = model_.groups.front();
      model_.groups.pop_front();
      ASSERT_EQ(group.scale, expected.scale);
      ASSERT_EQ(group.group, expected.group);
      ASSERT_EQ(group.codes, expected.codes);
      ASSERT_EQ(group.is_last, expected.is_last);
    }
  }

  void LookAtFeed() {
    ASSERT_FALSE(model_.feeds.empty());
    const Feed feed = model_.feeds.front();
    model_.feeds.pop_front();
    ASSERT_EQ(dut_->feed_we_o, 1 << feed.half);
    ASSERT_EQ(dut_->feed_entry_o, feed.entry);
    for (int place = 0; place < 4 * 16 * kQueries; ++place) {
      const std::optional<Query>& query = feed.queries[place % kQueries];
      if (!query) continue;
      const int position = place / kQueries % 2, code = place / kQueries / 2 % 8;
      const int segment = 4 * feed.half + place / kQueries / 16;
      const int dim = (16 * segment + code + 8 * position) % m_.dim();
      ASSERT_EQ(SignedField(dut_->line_o, 8 * place, 8), query->codes[dim])
          << "dimension " << dim << " of query " << place % kQueries << " of the fold";
    }
    for (int i = 0; i < kKeyGroups * kQueries; ++i) {
      const std::optional<Query>& query = feed.queries[i % kQueries];
      if (!query) continue;
      const int group = i / kQueries % (m_.dim() / kGroup);
      int sum = 0;
      for (int k = 0; k < kGroup; ++k) sum += query->codes[group * kGroup + k];
      ASSERT_EQ(SignedField(dut_->query_sum_o, 13 * i, 13), sum) << "of group " << group;
    }
  }

  void LookAtTable() {
    ASSERT_FALSE(model_.tables.empty());
    const Table table = model_.tables.front();
    model_.tables.pop_front();
    ++tables_since_fold_;
    ASSERT_EQ(dut_->table_bank_o, table.bank);
    ASSERT_EQ(dut_->table_query_o, table.query);
    const auto window = static_cast<uint32_t>(dut_->table_factors_o);
    const auto sink = static_cast<uint32_t>(dut_->table_factors_o >> 32);
    ASSERT_TRUE(SameFloat(sink, AsBits(table.sink))) << AsFloat(sink) << ", not " << table.sink;
    ASSERT_TRUE(SameFloat(window, AsBits(table.window)))
        << AsFloat(window) << ", not " << table.window;
  }

  void LookAtFold() {
    ASSERT_FALSE(model_.folds.empty());
    ASSERT_LE(model_.feeds.size(), 2 * (model_.folds.size() - 1)) << "its lines are not written";
    if (model_.folds.front()) {
      ASSERT_GT(tables_since_fold_, 0) << "its queries are not known";
      tables_since_fold_ = 0;
    }
    model_.folds.pop_front();
    folds_done_.push_back(dut_.cycles());
  }

  const Memory& m_;
  Model model_;
  Bench<Vhead_unit> dut_;
  Source<Job> jobs_;
  Sink<Group> sink_;
  std::mt19937 random_{7};
  std::deque<std::pair<int64_t, const float*>> angle_beats_;
  std::array<std::optional<uint32_t>, kHeldDelay> reads_;
  std::vector<int64_t> accepted_, folds_done_;
  int64_t first_group_ = 0;
  int tables_since_fold_ = 0;
  bool is_idle_ = false, is_held_ = false;
};

// Jobs in an order that a pass could have.
class Program {
 public:
  Program(const Memory& memory, uint32_t seed) : m_(memory), random_(seed) {}

  Job Head(Kind kind) {
    Job job;
    job.kind = kind;
    job.token = Below(kSlots);
    job.tile = Below(m_.n_heads()) * m_.dim() / 8;
    return job;
  }

  // Queries that share a KV head; others may come in between.
  std::vector<Job> Queries(int n, bool is_mixed) {
    std::vector<Job> queries, jobs;
    bank_ = (bank_ + 1) % (m_.four_banks() ? 4 : 2);
    for (int i = 0; i < n; ++i) {
      queries.push_back(Head(Kind::kQuery));
      queries.back().query = i;
      queries.back().bank = bank_;
      queries.back().ends_fold = i + 1 == n || i % kQueries == kQueries - 1;
    }
    for (int first = 0; first < n; first += kQueries) {
      for (const bool is_far : {true, false}) {
        for (int i = first; i < std::min(first + kQueries, n); ++i) {
          jobs.push_back(queries[i]);
          jobs.back().is_far = is_far;
          if (is_mixed && Below(4) == 0) jobs.push_back(Head(AnyVector()));
        }
      }
    }
    return jobs;
  }

  std::vector<Job> Some() {
    if (Below(2) == 0) return Queries(1 + Below(m_.n_queries()), true);
    std::vector<Job> jobs;
    for (int i = Below(8); i >= 0; --i) jobs.push_back(Head(AnyVector()));
    return jobs;
  }

 private:
  int Below(int n) { return static_cast<int>(random_() % n); }
  Kind AnyVector() { return Below(2) == 0 ? Kind::kKey : Kind::kValue; }

  const Memory& m_;
  std::mt19937 random_;
  int bank_ = 0;
};

class HeadUnit : public testing::TestWithParam<bool> {};

TEST_P(HeadUnit, MixedHeadsAreThoseOfTheKernels) {
  const int64_t n_runs = std::max<int64_t>(1, VectorsOfATest() / 125'000);
  for (uint32_t seed = 1; seed <= n_runs; ++seed) {
    const Memory memory(GetParam(), seed);
    // One run with stalls on both sides, one with each, one with none.
    Machine machine(memory, seed % 2 != 0 ? Stall(seed) : Stall::Never(),
                    seed % 4 < 2 ? Stall(seed + 100) : Stall::Never());
    Program program(memory, seed);
    for (int i = 0; i < 60; ++i) {
      for (const Job& job : program.Some()) machine.Push(job);
    }
    machine.Run();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

// Cycles of a head: its turn, as reading it takes the longest.
int64_t Turn(const Memory& memory) { return memory.dim() / std::min(kLanes, 4); }

TEST_P(HeadUnit, QueriesFollowEachOtherWithoutAGap) {
  const Memory memory(GetParam(), 1);
  Machine machine(memory, Stall::Never(), Stall::Never());
  Program program(memory, 1);
  for (int i = 0; i < 20; ++i) {
    for (const Job& job : program.Queries(kHeadQueries, false)) machine.Push(job);
  }
  machine.Run();
  const std::vector<int64_t>& accepted = machine.accepted();
  ASSERT_EQ(accepted.size(), 20U * 2 * kHeadQueries);
  for (size_t i = 1; i < accepted.size(); ++i) {
    ASSERT_EQ(accepted[i] - accepted[i - 1], Turn(memory));
  }
}

TEST_P(HeadUnit, KeysAndValuesFollowEachOtherWithoutAGap) {
  const Memory memory(GetParam(), 2);
  Machine machine(memory, Stall::Never(), Stall::Never());
  Program program(memory, 2);
  for (int i = 0; i < 200; ++i) machine.Push(program.Head(i % 3 != 0 ? Kind::kKey : Kind::kValue));
  machine.Run();
  const std::vector<int64_t>& accepted = machine.accepted();
  for (size_t i = 1; i < accepted.size(); ++i) {
    ASSERT_EQ(accepted[i] - accepted[i - 1], Turn(memory));
  }
}

TEST_P(HeadUnit, KeysWaitUntilKv4HasRoom) {
  constexpr size_t kMostGroups = 48;
  const Memory memory(GetParam(), 4);
  Machine machine(memory, Stall::Never(), Stall::Never());
  Program program(memory, 4);
  for (int i = 0; i < 100; ++i) machine.Push(program.Head(i % 2 != 0 ? Kind::kKey : Kind::kValue));
  machine.HoldGroups(true);
  machine.Wait(4000);
  EXPECT_EQ(machine.accepted().size(), kMostGroups * kGroup / memory.dim());
  machine.HoldGroups(false);
  machine.Run();
}

// From a job to the first of its results, behind the cycles that reading takes.
TEST_P(HeadUnit, LatencyIsWhatTheReferenceSays) {
  const Memory memory(GetParam(), 3);
  Program program(memory, 3);
  int64_t longest = 0;
  for (int start = 0; start < 8; ++start) {  // groups of KV4 have a turn of eight cycles
    Machine machine(memory, Stall::Never(), Stall::Never());
    machine.Wait(start);
    machine.Push(program.Head(Kind::kKey));
    machine.Run();
    ASSERT_FALSE(HasFailure());
    longest = std::max(longest, machine.first_group() - machine.accepted()[0] - Turn(memory));
  }
  EXPECT_EQ(longest, memory.split() ? 281 : 317);

  Machine machine(memory, Stall::Never(), Stall::Never());
  for (const Job& job : program.Queries(1, false)) machine.Push(job);
  machine.Run();
  ASSERT_EQ(machine.folds_done().size(), 2U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(machine.folds_done()[i] - machine.accepted()[i] - Turn(memory),
              memory.split() ? 133 : 185);
  }
}

INSTANTIATE_TEST_SUITE_P(Dims, HeadUnit, testing::Bool(),
                         [](const auto& info) { return info.param ? "64" : "128"; });

}  // namespace
}  // namespace accllm::rtl
