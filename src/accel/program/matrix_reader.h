// Weight matrices in the accelerator's memory, and how a tile gets there.
#pragma once

#include <cstdint>

#include "accel/program/layout.h"

namespace accllm::accel {

// The beats of a block of a tile as lanes take them, from those of the packed file: what belongs to
// a group of columns lies in 8 bytes of a beat.
void StreamBlock(isa::WeightFormat format, const uint8_t* packed, uint8_t* stream);

// Reads rows out of the streams.
class MatrixReader {
 public:
  // `stripes`: [stripe][lane] beats, from the matrix's first stripe on; they must outlive this.
  MatrixReader(const uint8_t* stripes, const MatrixLayout& layout)
      : stripes_(stripes), layout_(layout), type_(BlockTypeOf(layout.format)) {}

  const MatrixLayout& layout() const { return layout_; }

  float Scale(int64_t row) const;
  // The layout must have one.
  float Bias(int64_t row) const;

  // Levels [256] and multipliers [8] of 256 columns.
  void Read(int64_t row, int64_t block, int8_t* levels, uint8_t* multipliers) const;

  // The first `n` values of a row, as the embedding of a token is defined (docs/numerics.md).
  void ReadFloats(int64_t row, int64_t n, float* out) const;

 private:
  const uint8_t* Beat(int64_t stripe, int64_t lane) const {
    return stripes_ + BeatPlace{stripe, lane}.Offset(layout_.lanes);
  }

  const uint8_t* stripes_;
  MatrixLayout layout_;
  format::TensorType type_;
};

}  // namespace accllm::accel
