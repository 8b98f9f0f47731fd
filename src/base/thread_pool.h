// A fixed pool of threads for data-parallel loops. The caller's thread is worker 0.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/function_ref.h"

namespace accllm {

class ThreadPool {
 public:
  // With `cpus`, thread i runs on CPU cpus[i % cpus.size()] alone, the caller's too, until the pool
  // goes; what the system refuses is left as it was. More threads than CPUs do not spin.
  explicit ThreadPool(int n_threads, std::span<const int> cpus = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const;

  // Runs body(begin, end, thread) on contiguous parts of [0, n), which is shared out equally:
  // `parts_per_thread` for each thread; parts may be empty, those are not called. With one part a
  // thread, thread i runs part i, whatever the others do. With more, a thread begins with its own,
  // in ascending order, each smaller than the one before, and then helps the others, so that one
  // that is held up holds up the loop less. Returns when all are done. What one body can do,
  // n <= 1, the caller's thread does. Not reentrant.
  void ParallelFor(int64_t n, FunctionRef<void(int64_t, int64_t, int)> body,
                   int parts_per_thread = 1);

 private:
  struct State;

  std::unique_ptr<State> state_;
};

}  // namespace accllm
