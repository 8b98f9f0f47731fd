// Walks foreign bytes from front to back without trusting a length in them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace accllm {

inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

class ByteCursor {
 public:
  // `path` is the file that errors name; `bytes` must outlive the cursor.
  ByteCursor(std::span<const uint8_t> bytes, std::string path)
      : bytes_(bytes), path_(std::move(path)) {}

  size_t position() const { return position_; }
  std::span<const uint8_t> bytes() const { return bytes_; }
  size_t n_left() const { return bytes_.size() - position_; }
  const std::string& path() const { return path_; }

  // The next `size` bytes; `what` says what they are for. Errors: kCorrupt if there are fewer.
  Result<std::span<const uint8_t>> Take(uint64_t size, std::string_view what) {
    if (size > n_left()) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("{}: {} at byte {} needs {} bytes, the file has {} left", path_, what,
                              position_, size, n_left()),
                  "the file is cut short or damaged; fetch it again");
    }
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(size));
    position_ += taken.size();
    return taken;
  }

  // A number as it lies in the file.
  template <typename T>
  Result<T> Number(std::string_view what) {
    ACCLLM_ASSIGN_OR_RETURN(const auto bytes, Take(sizeof(T), what));
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
  std::string path_;
  size_t position_ = 0;
};

}  // namespace accllm
