#include "base/huge_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace accllm {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// The address sanitizer knows the bounds of heap memory, not those of maps: with it buffers up to
// this size come from the heap.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMostOnHeap = size_t{1} << 30;
#elif defined(__has_feature)
constexpr size_t kMostOnHeap = __has_feature(address_sanitizer) ? size_t{1} << 30 : 0;
#else
constexpr size_t kMostOnHeap = 0;
#endif

// nullptr if it is refused.
void* Map(size_t bytes) {
  if (bytes <= kMostOnHeap) {
    void* data = nullptr;
    return posix_memalign(&data, 64, bytes) == 0 ? std::memset(data, 0, bytes) : nullptr;
  }
  // mmap places maps of at least a huge page so that the kernel can use huge pages; smaller ones
  // gain nothing from them.
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
  return data;
}

}  // namespace

Result<HugeBuffer> HugeBuffer::Allocate(size_t bytes) {
  HugeBuffer buffer;
  if (bytes == 0) return buffer;
  void* data = Map(bytes);
  if (data == nullptr) {
    return Fail(ErrorCode::kOutOfMemory, fmt::format("cannot allocate {} bytes", bytes),
                "use a smaller model, window or batch");
  }
  buffer.data_ = static_cast<uint8_t*>(data);
  buffer.size_ = bytes;
  return buffer;
}

HugeBuffer::HugeBuffer(HugeBuffer&& other) noexcept { *this = std::move(other); }

HugeBuffer& HugeBuffer::operator=(HugeBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

HugeBuffer::~HugeBuffer() {
  if (data_ == nullptr) return;
  if (size_ <= kMostOnHeap) {
    std::free(data_);
  } else {
    munmap(data_, size_);
  }
}

}  // namespace accllm
