#include <array>
#include <random>

#include "Vlut_ram.h"
#include "accel/rtl/field.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

constexpr int kPorts = 5, kWidth = 6, kWords = 32;

// The described form and the primitive's.
TEST(LutRam, ReadsEachPortAtItsOwnAddress) {
  Bench<Vlut_ram> dut;
  std::mt19937 random(1);
  std::array<std::array<uint64_t, kPorts>, kWords> words = {};
  for (int i = 0; i < 20000; ++i) {
    dut->we_i = i < kWords || random() % 2 == 0;
    dut->waddr_i = i < kWords ? i : random() % kWords;
    Randomize(dut->wdata_i, kPorts * kWidth, random);
    Randomize(dut->raddr_i, kPorts * 5, random);
    dut.Settle();
    for (int port = 0; port < kPorts && i >= kWords; ++port) {
      ASSERT_EQ(Field(dut->rdata_o, kWidth * port, kWidth),
                words[Field(dut->raddr_i, 5 * port, 5)][port]);
    }
    if (dut->we_i) {
      for (int port = 0; port < kPorts; ++port) {
        words[dut->waddr_i][port] = Field(dut->wdata_i, kWidth * port, kWidth);
      }
    }
    dut.Edge();
  }
}

}  // namespace
}  // namespace accllm::rtl
