#include "base/cpu_topology.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace accllm {
namespace {

class CpuTopologyTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    root_ = testing::TempDir() + "cpu_topology_" + test->name();
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void Siblings(int cpu, const std::string& list) const {
    Write(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu),
          list + "\n");
  }
  int QuotaOf(int n_cpus) const {
    std::vector<int> cpus(static_cast<size_t>(n_cpus));
    for (int i = 0; i < n_cpus; ++i) cpus[static_cast<size_t>(i)] = i;
    return ReadCpuTopology(cpus, root_).quota;
  }

  std::string root_;
};

TEST_F(CpuTopologyTest, OneOfEachCoreComesFirst) {
  for (const int core : {0, 1, 2, 3}) {
    const std::string pair = fmt::format("{},{}", core, core + 4);
    Siblings(core, pair);
    Siblings(core + 4, pair);
  }
  const CpuTopology all = ReadCpuTopology(std::vector{0, 1, 2, 3, 4, 5, 6, 7}, root_);
  EXPECT_EQ(all.cpus, (std::vector{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(all.n_cores, 4);
  EXPECT_EQ(all.n_threads(), 4);
  EXPECT_EQ(all.n_usable(), 8);
  // The mask leaves out the first of a pair: its sibling stands for the core.
  const CpuTopology some = ReadCpuTopology(std::vector{1, 2, 4, 5}, root_);
  EXPECT_EQ(some.cpus, (std::vector{1, 2, 4, 5}));
  EXPECT_EQ(some.n_cores, 3);
  EXPECT_EQ(ReadCpuTopology(std::vector{0, 4, 1}, root_).cpus, (std::vector{0, 1, 4}));
}

TEST_F(CpuTopologyTest, NeighboursMayBeARange) {
  Siblings(0, "0-1");
  Siblings(1, "0-1");
  Siblings(2, "2-3");
  Siblings(3, "2-3");
  const CpuTopology topology = ReadCpuTopology(std::vector{0, 1, 2, 3}, root_);
  EXPECT_EQ(topology.cpus, (std::vector{0, 2, 1, 3}));
  EXPECT_EQ(topology.n_cores, 2);
}

TEST_F(CpuTopologyTest, NothingToldMeansCoresAndNoQuota) {
  const CpuTopology topology = ReadCpuTopology(std::vector{0, 1, 2}, root_);
  EXPECT_EQ(topology.n_cores, 3);
  EXPECT_EQ(topology.quota, 0);
  EXPECT_EQ(topology.n_threads(), 3);
  EXPECT_EQ(ReadCpuTopology({}, root_).n_threads(), 1);
}

TEST_F(CpuTopologyTest, TheTightestQuotaOfTheGroupsAboveCounts) {
  Write("/proc/self/cgroup", "0::/outer/inner\n");
  Write("/sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(QuotaOf(8), 0);
  Write("/sys/fs/cgroup/outer/cpu.max", "250000 100000\n");
  EXPECT_EQ(QuotaOf(8), 3);
  Write("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(QuotaOf(8), 2);
  EXPECT_EQ(ReadCpuTopology(std::vector{0, 1, 2, 3}, root_).n_threads(), 2);
}

TEST_F(CpuTopologyTest, VersionOneHasAFileForEachNumber) {
  Write("/proc/self/cgroup", "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
  Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(QuotaOf(8), 1);
  Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(QuotaOf(8), 0);
}

TEST_F(CpuTopologyTest, DamagedFilesAreNoQuota) {
  Write("/proc/self/cgroup", "nothing\n0::\n::\n");
  Write("/sys/fs/cgroup/cpu.max", "many few\n");
  EXPECT_EQ(QuotaOf(2), 0);
}

TEST(ThisCpuTopology, IsWhatThisProcessMayUse) {
  const CpuTopology& topology = ThisCpuTopology();
  EXPECT_GE(topology.n_threads(), 1);
  EXPECT_LE(topology.n_threads(), topology.n_usable());
  EXPECT_LE(static_cast<size_t>(topology.n_usable()), topology.cpus.size());
}

}  // namespace
}  // namespace accllm
