// Independent tasks of unequal cost, shared out as threads become free.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/thread_pool.h"

namespace accllm {

// Runs body(task, thread) once for each task in [0, n). Which thread runs a task is not fixed, so a
// result must depend on the task alone: then it is the same for every number of threads.
inline void ForEachTask(ThreadPool& pool, int64_t n,
                        const std::function<void(int64_t, int)>& body) {
  std::atomic<int64_t> next{0};
  pool.ParallelFor(pool.n_threads(), [&](int64_t, int64_t, int thread) {
    for (int64_t task = next.fetch_add(1); task < n; task = next.fetch_add(1)) body(task, thread);
  });
}

}  // namespace accllm
