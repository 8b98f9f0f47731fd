// The numbers that describe one HBM2 pseudo-channel of an Alveo U280, each with its source.
//
// [ip]     AMD's AXI HBM controller (PG276) as configured for 900 MHz on an xcu280 or its sister
//          parts: the CONFIG.USER_* values in published Vivado scripts, among them
//          hardware/setup/create_hbm*.tcl of open-power/snap. In clocks; 900 MHz, two transfers a
//          clock.
// [shuhai] Wang et al., "Shuhai: Benchmarking High Bandwidth Memory on FPGAs", FCCM 2020: idle
//          reads of 106.7, 122.2 and 137.8 ns (page hit, closed, miss) = 48, 55 and 62 cycles at
//          450 MHz, switch off; 425 of 460.8 GB/s when all channels read sequentially.
// [gem5]   HBM_2000_4H_1x64 in gem5's DRAMInterface.py, at 1 GHz: nanoseconds rounded up to clocks.
// [r2]     Ramulator 2, HBM2.cpp.
// "assumed" has no source.
#pragma once

#include "accel/timing/kernel_clock.h"

namespace accllm::accel {

// Clocks of the HBM2 at 900 MHz. Rounded up, so that no constraint is shorter than it should be.
constexpr Picoseconds HbmClocks(int64_t clocks) { return (clocks * 10'000 + 8) / 9; }

struct HbmTiming {
  // 64 bytes: two BL4 bursts of 64 bits, 14.4 GB/s [ip]. A kernel at 225 MHz takes one a cycle.
  Picoseconds t_beat = HbmClocks(4);

  // From the port to the controller and back, AXI and PHY included, the switch off. Together with
  // t_cl and t_beat the 48 cycles of an idle page hit [shuhai]; how they divide is assumed. That
  // writes take as long is assumed.
  Picoseconds request_latency = HbmClocks(40);
  Picoseconds response_latency = HbmClocks(35);

  Picoseconds t_cl = HbmClocks(17);        // read command to data [gem5]
  Picoseconds t_cwl = HbmClocks(7);        // write command to data [gem5]
  Picoseconds t_rcd_read = HbmClocks(13);  // activate to read [ip]
  Picoseconds t_rcd_write = HbmClocks(9);  // activate to write [ip]
  Picoseconds t_rp = HbmClocks(13);        // precharge to activate or refresh [ip]
  Picoseconds t_ras = HbmClocks(30);       // activate to precharge [ip]
  Picoseconds t_rc = HbmClocks(43);        // activate to activate of the same bank [ip]
  Picoseconds t_rrd = HbmClocks(4);        // activate to activate, in any bank group [ip]
  Picoseconds t_faw = HbmClocks(15);       // holds at most four activates [ip]
  Picoseconds t_rtp = HbmClocks(5);        // read to precharge [gem5]
  Picoseconds t_wr = HbmClocks(15);        // end of write data to precharge [ip]
  // End of write data to read. The value within a bank group [ip], counted from the later of the
  // beat's two bursts: up to 4 clocks too long where the groups differ.
  Picoseconds t_wtr = HbmClocks(8);
  // End of read data to write data, while the bus changes its direction [r2].
  Picoseconds t_bus_turn = HbmClocks(2);

  Picoseconds t_rfc = HbmClocks(234);    // refresh of all banks, 260 ns [ip]
  Picoseconds t_refi = HbmClocks(3510);  // between refreshes, 3.9 us [ip]; 0: no refresh
  // The first is due at t_refi + refresh_offset. Nothing keeps the channels of a card in
  // step; 0 is assumed.
  Picoseconds refresh_offset = 0;
};

}  // namespace accllm::accel
