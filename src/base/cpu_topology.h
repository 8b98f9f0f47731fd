// The CPUs that this process's threads should run on.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace accllm {

struct CpuTopology {
  // The CPUs this process may use: one of every core first, in ascending order, then their
  // siblings, which share a core's units and caches.
  std::vector<int> cpus;
  int n_cores = 1;  // how many of `cpus` come before the first sibling; at least 1

  // What a control group lets the process use at a time, in CPUs, rounded up; 0: no bound.
  int quota = 0;

  // CPUs that can run at a time; at least 1.
  int n_usable() const;

  // Threads that compute-bound and memory-bound loops want: one a core, within the quota.
  int n_threads() const;
};

// `allowed`: CPUs of the affinity mask. `root` stands before /sys and /proc; empty in production.
// What the system does not tell is taken as: every CPU a core of its own, no quota.
CpuTopology ReadCpuTopology(std::span<const int> allowed, const std::string& root);

// Of this process, read once.
const CpuTopology& ThisCpuTopology();

}  // namespace accllm
