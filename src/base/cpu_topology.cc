#include "base/cpu_topology.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace accllm {
namespace {

// The first line of a file; empty if it cannot be read.
std::string FirstLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// The smallest CPU that shares a core with `cpu`. Lists look like 0,64 or 0-1.
int CoreOf(int cpu, const std::string& root) {
  const auto first = Number(FirstLine(
      fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", root, cpu)));
  return first ? static_cast<int>(*first) : cpu;
}

// In CPUs; infinite if either number is missing or there is no bound ("max", -1).
double QuotaOf(std::string_view quota, std::string_view period) {
  const auto microseconds = Number(quota);
  const auto of = Number(period);
  if (!microseconds || !of || *microseconds <= 0 || *of <= 0) return HUGE_VAL;
  return static_cast<double>(*microseconds) / static_cast<double>(*of);
}

// cpu.max of version 2 holds "quota period"; version 1 has a file for each.
double QuotaOfGroup(const std::filesystem::path& group) {
  std::istringstream both(FirstLine(group / "cpu.max"));
  std::string quota;
  std::string period;
  both >> quota >> period;
  return std::min(QuotaOf(quota, period), QuotaOf(FirstLine(group / "cpu.cfs_quota_us"),
                                                  FirstLine(group / "cpu.cfs_period_us")));
}

// The bound of a group and of all that it lies in; in a container the path that the process is told
// may not be there, the mount's root is.
double QuotaBelow(const std::filesystem::path& mount, std::filesystem::path group) {
  double quota = QuotaOfGroup(mount);
  for (; group.has_relative_path(); group = group.parent_path()) {
    quota = std::min(quota, QuotaOfGroup(mount / group.relative_path()));
  }
  return quota;
}

// Lines of /proc/self/cgroup: id:controllers:path, without controllers in version 2.
double Quota(const std::string& root) {
  double quota = HUGE_VAL;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_unified = controllers == ",,";
    if (!is_unified && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string mount = root + (is_unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu");
    quota = std::min(quota, QuotaBelow(mount, line.substr(second + 1)));
  }
  return quota;
}

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {};
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

int CpuTopology::n_usable() const {
  const int n = std::max(1, static_cast<int>(cpus.size()));
  return quota > 0 ? std::min(n, quota) : n;
}

int CpuTopology::n_threads() const { return std::min(n_cores, n_usable()); }

CpuTopology ReadCpuTopology(std::span<const int> allowed, const std::string& root) {
  CpuTopology topology;
  std::vector<int> siblings;
  std::vector<int> cores;
  for (const int cpu : allowed) {
    const int core = CoreOf(cpu, root);
    const bool is_new = std::find(cores.begin(), cores.end(), core) == cores.end();
    (is_new ? topology.cpus : siblings).push_back(cpu);
    if (is_new) cores.push_back(core);
  }
  topology.n_cores = std::max(1, static_cast<int>(cores.size()));
  topology.cpus.insert(topology.cpus.end(), siblings.begin(), siblings.end());
  const double quota = Quota(root);
  if (std::isfinite(quota)) topology.quota = static_cast<int>(std::ceil(quota));
  return topology;
}

const CpuTopology& ThisCpuTopology() {
  static const CpuTopology topology = ReadCpuTopology(AllowedCpus(), "");
  return topology;
}

}  // namespace accllm
