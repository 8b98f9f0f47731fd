#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "Vaxi_lite_words.h"
#include "tests/rtl/argument_offsets.h"
#include "tests/rtl/bench.h"

namespace accllm::rtl {
namespace {

void Write(Bench<Vaxi_lite_words>& dut, uint32_t address, uint32_t data, bool write = true) {
  dut->write_i = write;
  dut->address_i = address;
  dut->data_i = data;
  dut->strobe_i = 0xF;
  dut.Settle();
  dut.Edge();
}

TEST(AxiLiteWords, EachWordHasItsOffset) {
  Bench<Vaxi_lite_words> dut;
  const std::vector<uint32_t> offsets = ArgumentOffsets();
  for (uint32_t address = 0; address < 4096; address += 4) Write(dut, address, ~address);
  Write(dut, offsets[0], 0, false);
  for (size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(dut->words_o[i], ~offsets[i]) << i;
}

}  // namespace
}  // namespace accllm::rtl
