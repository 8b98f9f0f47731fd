// What the passes of the compiler work on: the operations of one pass of a model over its tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/program/layout.h"
#include "base/model_config.h"
#include "spec/accelerator.h"

namespace accllm::compiler {

enum class Op {
  kEmbed,
  kNorm,
  kQuantize,
  kLinear,
  kAdd,
  kSiluMul,
  kStoreKeys,
  kStoreValues,
  kAttend
};
std::string_view NameOf(Op op);
constexpr bool IsStore(Op op) { return op == Op::kStoreKeys || op == Op::kStoreValues; }

// What an operation gives: a float vector or, quantised, the input of linear layers.
struct Value {
  std::string name;
  int64_t size = 0;
  bool is_codes = false;
  // Set by the pass `allocate`: an isa::Vector, or the number of an activation buffer.
  std::optional<uint32_t> home;
};

struct Operation {
  Op op;
  std::string name;
  int64_t layer = -1;       // -1: outside the blocks
  std::vector<int> inputs;  // indices of values
  int output = -1;          // a value; -1: memory
  std::string tensor = {};  // matrix, or weights of a norm; empty: none
  std::string bias = {};
  isa::Epilogue epilogue = isa::Epilogue::kStore;  // of kLinear, set by the pass `fuse`
};

// Where a tensor lies, set by the pass `place`.
struct Placement {
  std::string tensor;
  int64_t stripe = 0;
  int64_t stripes = 0;
  std::optional<accel::MatrixLayout> matrix = {};  // of matrices
  std::string bias = {};                           // lies between their tiles
  bool is_narrow = false;                          // of vectors
};

struct Graph {
  std::vector<Value> values;
  std::vector<Operation> operations;
  std::vector<Placement> placements;  // of the image: constants
  struct Cache {
    int64_t keys;  // stripes
    int64_t values;
  };
  std::vector<Cache> caches;  // by layer
  isa::Geometry geometry = {};

  const Placement* Find(std::string_view tensor) const;
};

// Bytes of all vectors and activation buffers on the chip, once they are allocated, for `slots`
// tokens.
int64_t VectorBytes(const Graph& graph, int64_t slots);

// One line an operation, for people.
std::string Dump(const Graph& graph);

}  // namespace accllm::compiler
