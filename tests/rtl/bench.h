#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <verilated.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#if VM_COVERAGE
#include <verilated_cov.h>
#endif

namespace accllm::rtl {

#if VM_COVERAGE
// What a model counted goes into a file of its own in the folder ACCLLM_RTL_COVERAGE_DIR, if that
// is set; tools/rtl/coverage.py adds the files up.
inline void WriteCoverage(VerilatedContext& context) {
  const char* folder = std::getenv("ACCLLM_RTL_COVERAGE_DIR");
  if (folder == nullptr) return;
  static int count = 0;  // of the models of this process
  const std::string name = std::to_string(getpid()) + "-" + std::to_string(count++) + ".dat";
  std::filesystem::create_directories(folder);
  context.coveragep()->write((std::string(folder) + "/" + name).c_str());
}
#endif

// A Verilated model with one clock `clk_i` and, if it has one, a synchronous reset `rst_ni`. A
// cycle is
//
//     drive inputs;  Settle();  look at outputs;  Edge();
//
// Registers hold random values before the reset.
template <class Model>
class Bench {
 public:
  explicit Bench(int seed = 1) {
    context_.randReset(2);
    context_.randSeed(seed);
    model_ = std::make_unique<Model>(&context_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    model_->final();
#if VM_COVERAGE
    WriteCoverage(context_);
#endif
  }

  Model* operator->() { return model_.get(); }
  Model& model() { return *model_; }
  int64_t cycles() const { return cycles_; }

  // Holds the reset for some cycles. Set the inputs that must be quiet before.
  void Reset(int cycles = 3) {
    model_->rst_ni = 0;
    for (int i = 0; i < cycles; ++i) {
      Settle();
      Edge();
    }
    model_->rst_ni = 1;
  }

  // Combinational outputs follow the inputs of this cycle.
  void Settle() {
    model_->clk_i = 0;
    model_->eval();
  }

  // The rising edge that ends the cycle.
  void Edge() {
    model_->clk_i = 1;
    model_->eval();
    ++cycles_;
  }

 private:
  VerilatedContext context_;
  std::unique_ptr<Model> model_;
  int64_t cycles_ = 0;
};

}  // namespace accllm::rtl
