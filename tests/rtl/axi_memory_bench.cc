// The memory model itself: what it answers, and that it finds breaches of the protocol.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "accel/rtl/axi_memory.h"

namespace accllm::rtl {
namespace {

class AxiMemoryModel : public testing::Test {
 protected:
  static AxiMemoryOptions Quick() {
    AxiMemoryOptions options;
    options.base = 1 << 20;
    options.bytes = 1 << 16;
    options.latency = 3;
    options.stalls = false;
    return options;
  }

  // A cycle with these signals; returns what the memory drove.
  AxiMemorySignals Cycle(const AxiMasterSignals& master) {
    const AxiMemorySignals out = memory_.Drive();
    memory_.Sample(master);
    return out;
  }

  AxiMasterSignals Read(uint64_t address, uint32_t beats) {
    return {.ar_valid = true, .ar_address = address, .ar_length = beats - 1, .r_ready = true};
  }

  std::vector<std::string> breaches_;
  AxiMemory memory_{Quick(), [this](const std::string& what) { breaches_.push_back(what); }};
};

TEST_F(AxiMemoryModel, ReadsAfterItsLatency) {
  memory_.WriteBeat((1 << 20) + 64, AxiBeat{42});
  EXPECT_TRUE(Cycle(Read((1 << 20) + 64, 1)).ar_ready);
  const AxiMasterSignals wait = {.r_ready = true};
  EXPECT_FALSE(Cycle(wait).r_valid);
  EXPECT_FALSE(Cycle(wait).r_valid);
  const AxiMemorySignals out = Cycle(wait);
  EXPECT_TRUE(out.r_valid && out.r_last);
  EXPECT_EQ(out.r_data[0], 42);
  EXPECT_TRUE(memory_.idle());
  EXPECT_TRUE(breaches_.empty());
}

TEST_F(AxiMemoryModel, WritesWhenItsResponseIsGiven) {
  const uint64_t address = (1 << 20) + 128;
  AxiMasterSignals write = {.aw_valid = true, .aw_address = address, .w_valid = true};
  write.w_data.fill(0x01020304);
  write.w_strobe = 0x3;  // two bytes
  write.w_last = true;
  write.b_ready = true;
  Cycle(write);
  const AxiMasterSignals wait = {.b_ready = true};
  Cycle(wait);
  Cycle(wait);
  EXPECT_EQ(memory_.ReadBeat(address)[0], 0);
  EXPECT_TRUE(Cycle(wait).b_valid);
  EXPECT_EQ(memory_.ReadBeat(address)[0], 0x0304);
  EXPECT_EQ(memory_.ReadBeat(address)[1], 0);
}

TEST_F(AxiMemoryModel, AnswersWithErrors) {
  memory_.FailReads((1 << 20) + 64);
  Cycle(Read((1 << 20) + 64, 1));
  Cycle(Read((1 << 21), 1));  // behind its end
  std::vector<AxiResponse> responses;
  for (int i = 0; i < 8; ++i) {
    const AxiMemorySignals out = Cycle({.r_ready = true});
    if (out.r_valid) responses.push_back(out.r_response);
  }
  EXPECT_EQ(responses, (std::vector{AxiResponse::kSlaveError, AxiResponse::kDecodeError}));
}

TEST_F(AxiMemoryModel, FindsABurstAcross4KiB) {
  Cycle(Read((1 << 20) + 4096 - 64, 2));
  ASSERT_EQ(breaches_.size(), 1);
  EXPECT_NE(breaches_[0].find("crosses 4 KiB"), std::string::npos);
}

TEST_F(AxiMemoryModel, FindsABurstThatIsTooLong) {
  Cycle(Read(1 << 20, 65));
  ASSERT_EQ(breaches_.size(), 2);  // it crosses 4 KiB, too
  EXPECT_NE(breaches_[1].find("at most 64"), std::string::npos);
}

TEST_F(AxiMemoryModel, FindsAnAddressWithinABeat) {
  Cycle(Read((1 << 20) + 32, 1));
  ASSERT_EQ(breaches_.size(), 1);
  EXPECT_NE(breaches_[0].find("not a multiple"), std::string::npos);
}

TEST_F(AxiMemoryModel, FindsAWrongLast) {
  Cycle({.aw_valid = true, .aw_address = 1 << 20, .w_valid = true, .w_last = false});
  ASSERT_EQ(breaches_.size(), 1);
  EXPECT_NE(breaches_[0].find("WLAST"), std::string::npos);
}

TEST(AxiMemoryStalls, FindsOffersThatAreTakenBack) {
  AxiMemoryOptions options;
  options.bytes = 1 << 16;
  std::vector<std::string> breaches;
  AxiMemory memory(options, [&](const std::string& what) { breaches.push_back(what); });
  // All three channels offer something else each cycle: every stall makes a breach.
  bool ready = true;
  for (int i = 0; i < 200; ++i) {
    const uint64_t address = 64 * (i % 64);
    const AxiMemorySignals& out = memory.Drive();
    ready = ready && out.ar_ready && out.aw_ready && out.w_ready;
    AxiMasterSignals master = {.ar_valid = true, .ar_address = address, .r_ready = true};
    master.aw_valid = master.w_valid = master.w_last = master.b_ready = true;
    master.aw_address = address;
    master.w_data[0] = i;
    memory.Sample(master);
  }
  ASSERT_FALSE(ready) << "no stall in 200 cycles";
  for (const char* channel : {"AR", "AW", "W"}) {
    const std::string text = std::string(": ") + channel + " was taken back";
    EXPECT_TRUE(std::any_of(breaches.begin(), breaches.end(), [&](const std::string& what) {
      return what.find(text) != std::string::npos;
    })) << channel;
  }
}

}  // namespace
}  // namespace accllm::rtl
