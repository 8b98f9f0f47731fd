// Decoding allocates nothing: what it needs is there once a model is loaded.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <vector>

#include "packed/testing/tiny_model.h"
#include "runtime/engine.h"

namespace {

std::atomic<int64_t> allocations{0};

void* Counted(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* data = std::malloc(bytes > 0 ? bytes : 1)) return data;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) { return Counted(bytes); }
void* operator new[](size_t bytes) { return Counted(bytes); }
void operator delete(void* data) noexcept { std::free(data); }
void operator delete[](void* data) noexcept { std::free(data); }
void operator delete(void* data, size_t) noexcept { std::free(data); }
void operator delete[](void* data, size_t) noexcept { std::free(data); }

namespace accllm {
namespace {

TEST(EngineAllocation, NoneForATokenOrAChunk) {
  const std::string path = testing::UniquePath("engine_allocation_test.acc");
  const ModelConfig config = testing::TinyPackedConfig();
  ASSERT_TRUE(testing::WriteTinyModel(config, path, 21, testing::TinyPlan(config)));
  const PackedFile packed = *PackedFile::Open(path);
  for (const Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    auto engine = Engine::Load(packed, {{4, 20}, 150, 2, isa, 16, 0});
    ASSERT_TRUE(engine) << engine.error().ToString();
    auto other = (*engine)->NewSequence();
    ASSERT_TRUE(other);
    std::vector<float> logits(static_cast<size_t>(2 * config.vocab_size));
    const std::vector<int32_t> prompt(40, 3);
    const std::vector<int32_t> next = {1, 2};
    auto own = (*engine)->NewSequence();
    ASSERT_TRUE(own);
    const std::vector<Engine::Sequence*> both = {&*own, &*other};
    ASSERT_TRUE((*engine)->Append(prompt, 1, logits.data()));
    const int64_t before = allocations.load();
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE((*engine)->Append({next.data(), 1}, 1, logits.data()));
      ASSERT_TRUE((*engine)->AppendTogether(both, next, logits.data()));
    }
    ASSERT_TRUE((*engine)->Append(prompt, 0, nullptr));
    EXPECT_EQ(allocations.load(), before) << IsaName(isa);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace accllm
