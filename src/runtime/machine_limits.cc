#include "runtime/machine_limits.h"

#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/process_info.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
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

// Independent sums, enough that no instruction waits for the one before.
constexpr int kSums = 12;
constexpr int64_t kDotRounds = 1 << 22;

// Each runs kDotRounds rounds of kSums instructions and returns the multiply-adds of one.
using DotLoop = int64_t (*)();

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vnni"))) int64_t DotsAvx512() {
  __m512i sums[kSums] = {};
  const __m512i a = _mm512_set1_epi8(3);
  for (int64_t round = 0; round < kDotRounds; ++round) {
#pragma GCC unroll 12
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, a);
      asm volatile("" : "+v"(sum));  // each one is done
    }
  }
  return 64;
}

// Products of bytes, added in pairs; the sums of 16 bits take an instruction more.
__attribute__((target("avx2"))) int64_t DotsAvx2() {
  __m256i sums[kSums] = {};
  const __m256i a = _mm256_set1_epi8(3);
  for (int64_t round = 0; round < kDotRounds; ++round) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, a));
      asm volatile("" : "+x"(sum));
    }
  }
  return 32;
}
#elif defined(__aarch64__)
__attribute__((target("arch=armv8.2-a+dotprod"))) int64_t DotsNeon() {
  int32x4_t sums[kSums] = {};
  const int8x16_t a = vdupq_n_s8(3);
  for (int64_t round = 0; round < kDotRounds; ++round) {
#pragma GCC unroll 12
    for (int32x4_t& sum : sums) asm volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(a));
  }
  return 16;
}

// Two rows of 8 by two columns of 8.
__attribute__((target("arch=armv8.2-a+i8mm"))) int64_t DotsNeonI8mm() {
  int32x4_t sums[kSums] = {};
  const int8x16_t a = vdupq_n_s8(3);
  for (int64_t round = 0; round < kDotRounds; ++round) {
#pragma GCC unroll 12
    for (int32x4_t& sum : sums) asm volatile("smmla %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(a));
  }
  return 32;
}
#endif

DotLoop DotLoopFor([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return DotsAvx512;
  if (isa == Isa::kAvx2) return DotsAvx2;
#elif defined(__aarch64__)
  if (isa == Isa::kNeonI8mm) return DotsNeonI8mm;
  if (isa == Isa::kNeon) return DotsNeon;
#endif
  return nullptr;
}

}  // namespace

Result<ReadBandwidth> ReadBandwidth::Create(ThreadPool& pool, Isa isa, int64_t bytes) {
  const int64_t n_steps = bytes / kStep;
  if (n_steps < 1) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("cannot measure with {} bytes", bytes));
  }
  ACCLLM_ASSIGN_OR_RETURN(HugeBuffer buffer,
                          HugeBuffer::Allocate(static_cast<size_t>(n_steps * kStep)));
  uint8_t* data = buffer.data();
  // Each thread writes the part it will read: pages are committed, near it.
  pool.ParallelFor(n_steps, [&](int64_t begin, int64_t end, int) {
    std::memset(data + begin * kStep, 1, static_cast<size_t>((end - begin) * kStep));
  });
  return ReadBandwidth(pool, isa, std::move(buffer));
}

Result<double> ReadBandwidth::Measure() const {
  const Reader read = ReaderFor(isa_);
  const uint8_t* data = buffer_.data();
  const auto bytes = static_cast<int64_t>(buffer_.size());
  std::atomic<uint64_t> sum{0};
  const double start = MonotonicSeconds();
  pool_->ParallelFor(bytes / kStep, [&](int64_t begin, int64_t end, int) {
    sum.fetch_add(read(data + begin * kStep, (end - begin) * kStep), std::memory_order_relaxed);
  });
  const double seconds = MonotonicSeconds() - start;
  if (sum.load() != static_cast<uint64_t>(bytes / 8) * 0x0101010101010101ULL) {
    return Fail(ErrorCode::kNumeric, "the memory read back is not what was written");
  }
  return static_cast<double>(bytes) / seconds;
}

double MeasureDotPeak(ThreadPool& pool, Isa isa) {
  const DotLoop loop = DotLoopFor(isa);
  if (loop == nullptr) return 0;
  std::atomic<int64_t> macs{0};
  const double start = MonotonicSeconds();
  pool.ParallelFor(pool.n_threads(), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      macs.fetch_add(loop() * kDotRounds * kSums, std::memory_order_relaxed);
    }
  });
  return static_cast<double>(macs.load()) / (MonotonicSeconds() - start);
}

}  // namespace accllm
