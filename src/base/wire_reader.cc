#include "base/wire_reader.h"

namespace accllm {
namespace {

constexpr int kMaxVarintBytes = 10;

tl::unexpected<Error> Truncated(const std::string& where) {
  return Fail(ErrorCode::kCorrupt, fmt::format("{}: truncated field", where), "restore the file");
}

}  // namespace

Result<uint64_t> WireReader::Varint() {
  uint64_t value = 0;
  for (int i = 0; i < kMaxVarintBytes; ++i) {
    if (rest_.empty()) return Truncated(where_);
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    value |= uint64_t{byte & 0x7FU} << (7 * i);
    if (byte < 0x80) return value;
  }
  return Fail(ErrorCode::kCorrupt, fmt::format("{}: integer longer than 10 bytes", where_));
}

Result<uint64_t> WireReader::Fixed(size_t n_bytes) {
  if (rest_.size() < n_bytes) return Truncated(where_);
  uint64_t value = 0;
  for (size_t i = n_bytes; i-- > 0;) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(n_bytes);
  return value;
}

Result<WireField> WireReader::Next() {
  ACCLLM_ASSIGN_OR_RETURN(const uint64_t tag, Varint());
  WireField field;
  if (tag >> 3 == 0 || tag > UINT32_MAX) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: invalid field tag {}", where_, tag));
  }
  field.number = static_cast<uint32_t>(tag >> 3);
  field.type = static_cast<WireType>(tag & 7);
  switch (field.type) {
    case WireType::kVarint: {
      ACCLLM_ASSIGN_OR_RETURN(field.value, Varint());
      return field;
    }
    case WireType::kFixed32: {
      ACCLLM_ASSIGN_OR_RETURN(field.value, Fixed(4));
      return field;
    }
    case WireType::kFixed64: {
      ACCLLM_ASSIGN_OR_RETURN(field.value, Fixed(8));
      return field;
    }
    case WireType::kBytes: {
      ACCLLM_ASSIGN_OR_RETURN(const uint64_t size, Varint());
      if (size > rest_.size()) return Truncated(where_);
      field.bytes = rest_.first(static_cast<size_t>(size));
      rest_ = rest_.subspan(static_cast<size_t>(size));
      return field;
    }
  }
  return Fail(ErrorCode::kCorrupt, fmt::format("{}: field {} has unsupported wire type {}", where_,
                                               field.number, tag & 7));
}

Status WireReader::Expect(const WireField& field, WireType type, std::string_view name) const {
  if (field.type == type) return {};
  return Fail(ErrorCode::kCorrupt,
              fmt::format("{}: {} has wire type {}, expected {}", where_, name,
                          static_cast<int>(field.type), static_cast<int>(type)));
}

}  // namespace accllm
