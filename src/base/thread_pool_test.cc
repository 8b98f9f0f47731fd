#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/cpu_topology.h"

namespace accllm {
namespace {

TEST(ThreadPool, EveryIndexOnceForAnyNumberOfThreads) {
  for (const int n_threads : {1, 2, 3, 7}) {
    ThreadPool pool(n_threads);
    for (const int64_t n : {0, 1, 2, 5, 1000}) {
      for (const int parts : {1, 2, 8, 300}) {
        std::vector<std::atomic<int>> hits(static_cast<size_t>(n));
        pool.ParallelFor(
            n,
            [&](int64_t begin, int64_t end, int thread) {
              EXPECT_LT(thread, n_threads);
              for (int64_t i = begin; i < end; ++i) hits[static_cast<size_t>(i)].fetch_add(1);
            },
            parts);
        for (const auto& hit : hits) EXPECT_EQ(hit.load(), 1);
      }
    }
  }
}

// Sums kept by thread must not depend on who was late.
TEST(ThreadPool, WithOnePartEachAThreadHasItsOwn) {
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> threads(3, -1);
    pool.ParallelFor(3, [&](int64_t begin, int64_t end, int thread) {
      if (thread == round % 3) std::this_thread::sleep_for(std::chrono::microseconds(50));
      for (int64_t i = begin; i < end; ++i) threads[static_cast<size_t>(i)] = thread;
    });
    ASSERT_EQ(threads, (std::vector<int>{0, 1, 2}));
  }
}

TEST(ThreadPool, OthersDoWhatALateThreadHasNotBegun) {
  constexpr int64_t kAll = 128;
  constexpr int64_t kFirstPart = 15;
  ThreadPool pool(2);
  std::vector<int> threads(kAll, -1);
  std::atomic<int64_t> done{0};
  pool.ParallelFor(
      kAll,
      [&](int64_t begin, int64_t end, int thread) {
        // The caller's first part takes until all others are done.
        for (int64_t i = begin; i < end; ++i) threads[static_cast<size_t>(i)] = thread;
        while (thread == 0 && begin == 0 && done.load() < kAll - end) std::this_thread::yield();
        done.fetch_add(end - begin);
      },
      8);
  // Or all, if the worker was done before the caller began.
  EXPECT_GE(std::count(threads.begin(), threads.end(), 1), kAll - kFirstPart);
}

TEST(ThreadPool, PartsOfAThreadGetSmaller) {
  ThreadPool pool(2);
  std::vector<int64_t> sizes(128, 0);  // by where a part begins
  pool.ParallelFor(
      128,
      [&](int64_t begin, int64_t end, int /*thread*/) {
        sizes[static_cast<size_t>(begin)] = end - begin;
      },
      8);
  for (const size_t first : {0U, 64U}) {
    size_t begin = first;
    for (int64_t size = 15; size > 0; size -= 2) {
      EXPECT_EQ(sizes[begin], size) << begin;
      begin += static_cast<size_t>(size);
    }
  }
}

// The CPUs the calling thread may run on.
int CpusOfThisThread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
  return CPU_COUNT(&set);
}

TEST(ThreadPool, BoundThreadsStayOnOneCpuUntilThePoolGoes) {
  const std::vector<int>& cpus = ThisCpuTopology().cpus;
  const int before = CpusOfThisThread();
  {
    ThreadPool pool(3, cpus);
    std::vector<int> counts(3, 0);
    pool.ParallelFor(3, [&](int64_t, int64_t, int thread) {
      counts[static_cast<size_t>(thread)] = CpusOfThisThread();
    });
    EXPECT_EQ(counts, (std::vector<int>{1, 1, 1}));
    // A pool that a bound thread makes is not bound to that thread's CPU.
    ThreadPool free_pool(2);
    free_pool.ParallelFor(2, [&](int64_t, int64_t, int thread) {
      counts[static_cast<size_t>(thread)] = CpusOfThisThread();
    });
    EXPECT_EQ(counts[1], static_cast<int>(cpus.size()));
  }
  EXPECT_EQ(CpusOfThisThread(), before);
}

TEST(ThreadPool, ManyShortLoopsSeeEachOthersResults) {
  ThreadPool pool(3);
  std::vector<int64_t> values(64, 0);
  for (int round = 0; round < 20000; ++round) {
    pool.ParallelFor(64, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) ++values[static_cast<size_t>(i)];
    });
    ASSERT_EQ(values[static_cast<size_t>(round % 64)], round + 1);
  }
}

}  // namespace
}  // namespace accllm
