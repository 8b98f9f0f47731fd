// Instructions of the accelerator as operations of the vector unit, in the order in which a
// sequencer gives them.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "accel/program/layout.h"
#include "tests/rtl/vector_driver.h"

namespace accllm::rtl {

// Where the vectors of tokens lie in the banks.
struct VectorHome {
  uint32_t base = 0;
  int64_t size = 0;  // floats
  int64_t lanes = 0;

  int64_t rounds() const { return accel::CeilDiv(size, 8 * lanes); }
  uint32_t At(int64_t token, int64_t round, int64_t row) const {
    return static_cast<uint32_t>(base + (token * rounds() + round) * 8 + row);
  }
  // Rounds of the blocks that an activation buffer has of it.
  int64_t code_rounds() const { return accel::CeilDiv(size, 256) * 256 / (8 * lanes); }
};

// What a linear layer's results are made of, and what becomes of them.
struct VectorLinear {
  VectorEpilogue epilogue = VectorEpilogue::kStore;
  bool has_bias = false;
  uint32_t source = 0;  // an activation buffer
  VectorHome home;      // of the results
  int n_tokens = 1;
};

// An operation of no tile, that uses tiles up.
inline VectorOp Drop(VectorKind kind, bool scales, bool floats) {
  VectorOp op;
  op.valid = false;
  op.kind = kind;
  op.pop_scales = scales;
  op.pop_floats = floats;
  return op;
}

inline std::vector<VectorOp> LoadOps(const VectorHome& home, int n_tokens) {
  std::vector<VectorOp> ops;
  for (int token = 0; token < n_tokens; ++token) {
    for (int64_t round = 0; round < home.rounds(); ++round) {
      for (uint32_t row = 0; row < 8; ++row) {
        VectorOp op;
        op.kind = VectorKind::kLoad;
        op.row = row;
        op.token = token;
        op.waddr = home.At(token, round, row);
        op.pop_floats = row == 7;
        op.squares = true;
        op.last = row == 7 && round + 1 == home.rounds();
        ops.push_back(op);
      }
    }
    if (home.rounds() % 2 != 0) ops.push_back(Drop(VectorKind::kLoad, false, true));
  }
  return ops;
}

inline std::vector<VectorOp> NormOps(const VectorHome& from, const VectorHome& to, int n_tokens) {
  std::vector<VectorOp> ops;
  for (int64_t round = 0; round < from.rounds(); ++round) {
    for (uint32_t row = 0; row < 8; ++row) {
      for (int token = 0; token < n_tokens; ++token) {
        VectorOp op;
        op.kind = VectorKind::kNorm;
        op.row = row;
        op.token = token;
        op.raddr = from.At(token, round, row);
        op.waddr = to.At(token, round, row);
        op.pop_floats = row == 7 && token + 1 == n_tokens;
        op.largest = true;
        ops.push_back(op);
      }
    }
  }
  if (from.rounds() % 2 != 0) ops.push_back(Drop(VectorKind::kNorm, false, true));
  return ops;
}

inline std::vector<VectorOp> QuantizeOps(const VectorHome& home, uint32_t buffer, int n_tokens) {
  std::vector<VectorOp> ops;
  for (int token = 0; token < n_tokens; ++token) {
    for (int64_t round = 0; round < std::max(home.rounds(), home.code_rounds()); ++round) {
      for (uint32_t row = 0; row < 8; ++row) {
        VectorOp op;
        op.kind = VectorKind::kQuantize;
        op.row = row;
        op.token = token;
        op.buffer = buffer;
        op.raddr = home.At(token, std::min(round, home.rounds() - 1), row);
        op.waddr = static_cast<uint32_t>(round);
        op.zero = round >= home.rounds();
        ops.push_back(op);
      }
    }
  }
  return ops;
}

// sums(token, row of the matrix) -> its sum. Rows of a tile come before tokens or behind them.
template <class Sums>
std::vector<VectorOp> LinearOps(const VectorLinear& linear, Sums sums, bool rows_first) {
  std::vector<VectorOp> ops;
  const VectorHome& home = linear.home;
  const int n = 8 * linear.n_tokens;
  for (int64_t round = 0; round < home.rounds(); ++round) {
    for (int i = 0; i < n; ++i) {
      VectorOp op;
      op.kind = VectorKind::kResult;
      op.epilogue = linear.epilogue;
      op.has_bias = linear.has_bias;
      op.row = rows_first ? i % 8 : i / linear.n_tokens;
      op.token = rows_first ? i / 8 : i % linear.n_tokens;
      op.buffer = linear.source;
      op.raddr = op.waddr = home.At(op.token, round, op.row);
      op.pop_scales = i + 1 == n;
      op.pop_floats = linear.has_bias && op.pop_scales;
      op.squares = linear.epilogue == VectorEpilogue::kAdd;
      op.last = op.row == 7 && round + 1 == home.rounds();
      op.largest = linear.epilogue == VectorEpilogue::kSiluMul;
      for (int64_t lane = 0; lane < home.lanes; ++lane) {
        op.sums.push_back(sums(op.token, 8 * (round * home.lanes + lane) + op.row));
      }
      ops.push_back(op);
    }
  }
  for (int64_t tile = home.rounds(); tile % isa::kScaleTiles != 0; ++tile) {
    ops.push_back(Drop(VectorKind::kResult, true, linear.has_bias));
  }
  return ops;
}

}  // namespace accllm::rtl
