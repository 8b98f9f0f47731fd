// A fixed pool of threads for data-parallel loops. The caller's thread is worker 0.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace accllm {

class ThreadPool {
 public:
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const;

  // Runs body(begin, end, thread) on every thread with contiguous, ascending, near-equal parts of
  // [0, n); parts may be empty, those are not called. Returns when all are done. Not reentrant.
  void ParallelFor(int64_t n, const std::function<void(int64_t, int64_t, int)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The number of CPUs this process may run on.
int AvailableCpus();

}  // namespace accllm
