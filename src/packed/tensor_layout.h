// How large a tensor of each type is, and where its parts lie.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "spec/packed_format.h"

namespace accllm {

std::string_view TensorTypeLabel(format::TensorType type);

// The type with this label ("f16", "w2-2:4", ...). Errors: kInvalidArgument.
Result<format::TensorType> TensorTypeFromLabel(std::string_view label);

// Types that lie in blocks and tiles: all but f32, f16 and i8.
bool IsBlockType(format::TensorType type);

struct TensorLayout {
  int64_t n_blocks = 0;         // blocks of a row; 0 for types without
  int64_t padded_rows = 0;      // rows, padded to whole tiles for the block types
  int64_t weight_bytes = 0;     // blocks, or plain elements
  int64_t scales_offset = 0;    // of the row scales, bfloat16; 0 for f32 and f16
  int64_t codebook_offset = 0;  // 0 for types without
  int64_t data_bytes = 0;       // everything
};

// Errors: kInvalidArgument if a size is not positive or too large, or if a row is too wide for the
// type's accumulator bound.
Result<TensorLayout> LayOutTensor(format::TensorType type, int64_t rows, int64_t cols);

}  // namespace accllm
