#include "runtime/read_bandwidth.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "base/process_info.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace accllm {
namespace {

constexpr int64_t kStep = 256;            // bytes read together
constexpr int64_t kPrefetchAhead = 4096;  // bytes

// Each reader returns the sum of the 64-bit words of [data, data + bytes), so that no read can be
// left out; `bytes` is a multiple of kStep.
using Reader = uint64_t (*)(const uint8_t* data, int64_t bytes);

template <size_t kWords>
uint64_t Sum(const std::array<uint64_t, kWords>& words) {
  uint64_t sum = 0;
  for (const uint64_t word : words) sum += word;
  return sum;
}

uint64_t ReadPortable(const uint8_t* data, int64_t bytes) {
  std::array<uint64_t, kStep / 8> words;
  std::array<uint64_t, kStep / 8> sums = {};
  for (int64_t at = 0; at < bytes; at += kStep) {
    std::memcpy(words.data(), data + at, kStep);
    for (size_t i = 0; i < words.size(); ++i) sums[i] += words[i];
  }
  return Sum(sums);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint64_t ReadAvx2(const uint8_t* data, int64_t bytes) {
  constexpr int64_t kVectors = kStep / 32;
  __m256i sums[kVectors] = {};
  for (int64_t at = 0; at < bytes; at += kStep) {
    const auto* vectors = reinterpret_cast<const __m256i*>(data + at);
    for (int64_t i = 0; i < kVectors; ++i) {
      sums[i] = _mm256_add_epi64(sums[i], _mm256_load_si256(vectors + i));
    }
  }
  std::array<uint64_t, kStep / 8> words;
  std::memcpy(words.data(), sums, kStep);
  return Sum(words);
}

__attribute__((target("avx512f"))) uint64_t ReadAvx512(const uint8_t* data, int64_t bytes) {
  __m512i a = _mm512_setzero_si512();
  __m512i b = a;
  __m512i c = a;
  __m512i d = a;
  for (int64_t at = 0; at < bytes; at += kStep) {
    const uint8_t* p = data + at;
    for (int64_t line = 0; line < kStep; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchAhead + line), _MM_HINT_T0);
    }
    a = _mm512_add_epi64(a, _mm512_load_si512(p));
    b = _mm512_add_epi64(b, _mm512_load_si512(p + 64));
    c = _mm512_add_epi64(c, _mm512_load_si512(p + 128));
    d = _mm512_add_epi64(d, _mm512_load_si512(p + 192));
  }
  alignas(64) std::array<uint64_t, 8> lanes;
  _mm512_store_si512(lanes.data(),
                     _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d)));
  return Sum(lanes);
}
#endif

Reader ReaderFor([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return ReadAvx512;
  if (isa == Isa::kAvx2) return ReadAvx2;
#endif
  return ReadPortable;
}

}  // namespace

Result<double> MeasureReadBandwidth(ThreadPool& pool, Isa isa, int64_t bytes, int passes) {
  const int64_t n_steps = bytes / kStep;
  if (n_steps < 1 || passes < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot measure with {} bytes and {} passes", bytes, passes));
  }
  ACCLLM_ASSIGN_OR_RETURN(HugeBuffer buffer,
                          HugeBuffer::Allocate(static_cast<size_t>(n_steps * kStep)));
  uint8_t* data = buffer.data();
  // Each thread writes the part it will read: pages are committed, near it.
  pool.ParallelFor(n_steps, [&](int64_t begin, int64_t end, int) {
    std::memset(data + begin * kStep, 1, static_cast<size_t>((end - begin) * kStep));
  });
  const Reader read = ReaderFor(isa);
  std::atomic<uint64_t> sum{0};
  double best_seconds = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const double start = MonotonicSeconds();
    pool.ParallelFor(n_steps, [&](int64_t begin, int64_t end, int) {
      sum.fetch_add(read(data + begin * kStep, (end - begin) * kStep), std::memory_order_relaxed);
    });
    const double seconds = MonotonicSeconds() - start;
    best_seconds = pass == 0 ? seconds : std::min(best_seconds, seconds);
  }
  const uint64_t n_words = static_cast<uint64_t>(n_steps * kStep / 8 * passes);
  if (sum.load() != n_words * 0x0101010101010101ULL) {
    return Fail(ErrorCode::kNumeric, "the memory read back is not what was written");
  }
  return static_cast<double>(n_steps * kStep) / best_seconds;
}

}  // namespace accllm
