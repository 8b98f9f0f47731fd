#pragma once

#include <cstdint>
#include <iterator>
#include <random>

namespace accllm::rtl {

// Decides cycle by cycle whether one side of a handshake holds back: phases of up to 64 cycles, in
// each of which it does so never, sometimes, mostly or always.
class Stall {
 public:
  explicit Stall(uint32_t seed) : random_(seed), never_(false) {}
  static Stall Never() {
    Stall stall(0);
    stall.never_ = true;
    return stall;
  }

  bool operator()() {
    if (never_) return false;
    if (left_ == 0) {
      constexpr uint32_t kPercents[] = {0, 0, 10, 50, 50, 90, 100};
      left_ = 1 + random_() % 64;
      percent_ = kPercents[random_() % std::size(kPercents)];
    }
    --left_;
    return random_() % 100 < percent_;
  }

 private:
  std::mt19937 random_;
  bool never_;
  uint32_t left_ = 0;
  uint32_t percent_ = 0;
};

}  // namespace accllm::rtl
