#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/cpu_topology.h"

namespace accllm {
namespace {

// How often a thread looks before it sleeps: about 20 microseconds, the gap between two
// loops of one token, so that decoding rarely pays for a wake-up and an idle pool costs nothing.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void Bind(pthread_t thread, std::span<const int> cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  }
  pthread_setaffinity_np(thread, sizeof(set), &set);
}

}  // namespace

// The parts of a loop that a thread has not begun: it takes from the front, so that its parts
// follow each other in memory; others that are done take from the back.
struct alignas(64) PartQueue {
  std::atomic<uint64_t> span{0};  // begin << 32 | end

  void Fill(uint64_t begin, uint64_t end) {
    span.store(begin << 32 | end, std::memory_order_relaxed);
  }

  // -1: none is left.
  int64_t Take(bool from_front) {
    for (uint64_t old = span.load(std::memory_order_relaxed);;) {
      const uint64_t begin = old >> 32;
      const uint64_t end = old & 0xFFFFFFFFU;
      if (begin >= end) return -1;
      const uint64_t rest = from_front ? (begin + 1) << 32 | end : begin << 32 | (end - 1);
      if (span.compare_exchange_weak(old, rest, std::memory_order_relaxed)) {
        return static_cast<int64_t>(from_front ? begin : end - 1);
      }
    }
  }
};

struct ThreadPool::State {
  const FunctionRef<void(int64_t, int64_t, int)>* body = nullptr;
  int64_t n = 0;
  int64_t n_parts = 1;
  int n_threads = 1;
  int n_spins = 0;
  std::optional<cpu_set_t> callers_cpus;  // before it was bound
  std::atomic<uint64_t> generation{0};    // counts loops; a change starts the workers
  std::atomic<int> running{0};            // workers that have not finished the current loop
  std::atomic<bool> stop{false};
  std::atomic<int> sleepers{0};  // workers that need `wake`
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<PartQueue> queues;
  std::vector<std::thread> workers;

  // A thread's parts get smaller, as do steps between squares: the last ones, of which others take,
  // are small, and so is what is left to wait for.
  int64_t BeginOf(int64_t part) const {
    const int64_t per_thread = n_parts / n_threads;
    const int64_t left = per_thread - part % per_thread;
    const int64_t square = per_thread * per_thread;
    return n * ((part / per_thread + 1) * square - left * left) / (n_threads * square);
  }

  void RunParts(int thread) {
    const int n_queues = n_parts == n_threads ? 1 : n_threads;  // its own, or those of all
    for (int i = 0; i < n_queues; ++i) {
      PartQueue& queue = queues[static_cast<size_t>((thread + i) % n_threads)];
      for (int64_t part = queue.Take(i == 0); part >= 0; part = queue.Take(i == 0)) {
        const int64_t begin = BeginOf(part);
        const int64_t end = BeginOf(part + 1);
        if (begin < end) (*body)(begin, end, thread);
      }
    }
  }

  void WaitForNext(uint64_t seen) {
    for (int i = 0; i < n_spins; ++i) {
      if (generation.load(std::memory_order_acquire) != seen) return;
      Pause();
    }
    std::unique_lock lock(mutex);
    // Either this thread sees the new generation or Start sees the sleeper: both are sequentially
    // consistent.
    sleepers.fetch_add(1);
    wake.wait(lock, [&] { return generation.load() != seen; });
    sleepers.fetch_sub(1);
  }

  void Work(int thread) {
    for (uint64_t seen = 0;; ++seen) {
      WaitForNext(seen);
      if (stop.load(std::memory_order_acquire)) return;
      RunParts(thread);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_one();
    }
  }

  void WaitForWorkers() {
    for (int i = 0; i < n_spins; ++i) {
      if (running.load(std::memory_order_acquire) == 0) return;
      Pause();
    }
    // A busy machine: let the workers have the core.
    for (int left = running.load(std::memory_order_acquire); left != 0;
         left = running.load(std::memory_order_acquire)) {
      running.wait(left, std::memory_order_acquire);
    }
  }

  void Start() {
    generation.fetch_add(1);
    if (sleepers.load() == 0) return;
    // With the lock, no worker is between its last look and its sleep.
    { const std::lock_guard lock(mutex); }
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int n_threads, std::span<const int> cpus)
    : state_(std::make_unique<State>()) {
  state_->n_threads = std::max(1, n_threads);
  // A thread that spins while another waits for its CPU keeps it from working.
  state_->n_spins = state_->n_threads <= ThisCpuTopology().n_usable() ? kSpins : 0;
  state_->queues = std::vector<PartQueue>(static_cast<size_t>(state_->n_threads));
  for (int thread = 1; thread < state_->n_threads; ++thread) {
    state_->workers.emplace_back([state = state_.get(), thread] { state->Work(thread); });
  }
  // A new thread has the CPUs of its creator, which another pool may have bound to one.
  for (size_t i = 0; i < state_->workers.size(); ++i) {
    Bind(state_->workers[i].native_handle(),
         cpus.empty() ? std::span(ThisCpuTopology().cpus) : cpus.subspan((i + 1) % cpus.size(), 1));
  }
  cpu_set_t before;
  if (cpus.empty() || pthread_getaffinity_np(pthread_self(), sizeof(before), &before) != 0) return;
  state_->callers_cpus = before;
  Bind(pthread_self(), cpus.first(1));
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true, std::memory_order_release);
  state_->Start();
  for (std::thread& worker : state_->workers) worker.join();
  if (state_->callers_cpus) {
    pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), &*state_->callers_cpus);
  }
}

int ThreadPool::n_threads() const { return state_->n_threads; }

void ThreadPool::ParallelFor(int64_t n, FunctionRef<void(int64_t, int64_t, int)> body,
                             int parts_per_thread) {
  State& state = *state_;
  if (state.n_threads == 1 || n <= 1) {
    if (n > 0) body(0, n, 0);
    return;
  }
  state.body = &body;
  state.n = n;
  state.n_parts = int64_t{state.n_threads} * parts_per_thread;
  for (uint64_t i = 0; i < state.queues.size(); ++i) {
    const auto parts = static_cast<uint64_t>(parts_per_thread);
    state.queues[i].Fill(i * parts, (i + 1) * parts);
  }
  state.running.store(state.n_threads - 1, std::memory_order_relaxed);
  state.Start();
  state.RunParts(0);
  state.WaitForWorkers();
}

}  // namespace accllm
