#pragma once

#include <gtest/gtest.h>
#include <verilated.h>

#include <array>

#include "Vaccllm_kernel.h"
#include "accel/rtl/field.h"

namespace accllm::rtl {

// Ports of one master of the wrapper.
struct MasterPorts {
  // What the kernel drives; those of the first two lines are constant.
  CData &awid, &awlen, &awsize, &awburst, &awlock, &awcache, &awprot, &awqos, &wlast;
  CData &arid, &arsize, &arburst, &arlock, &arcache, &arprot, &arqos;
  CData &awvalid, &wvalid, &bready, &arvalid, &arlen, &rready;
  QData &awaddr, &araddr, &wstrb;
  VlWide<16>& wdata;
  // What memory drives.
  CData &awready, &wready, &bid, &bresp, &bvalid, &arready, &rid, &rresp, &rlast, &rvalid;
  VlWide<16>& rdata;

  void ExpectConstants() const {
    EXPECT_EQ(awid, 0);
    EXPECT_EQ(awlen, 0) << "writes are one beat";
    EXPECT_EQ(awsize, 6) << "64 bytes";
    EXPECT_EQ(awburst, 1) << "INCR";
    EXPECT_EQ(awlock, 0);
    EXPECT_EQ(awcache, 3) << "may be buffered and merged";
    EXPECT_EQ(awprot, 0);
    EXPECT_EQ(awqos, 0);
    EXPECT_EQ(wlast, 1);
    EXPECT_EQ(arid, 0);
    EXPECT_EQ(arsize, 6);
    EXPECT_EQ(arburst, 1);
    EXPECT_EQ(arlock, 0);
    EXPECT_EQ(arcache, 3);
    EXPECT_EQ(arprot, 0);
    EXPECT_EQ(arqos, 0);
  }
};

// The ports of lane NAME, in the order of MasterPorts.
#define ACCLLM_MASTER(model, name)                                                                 \
  MasterPorts {                                                                                    \
    (model).name##_awid, (model).name##_awlen, (model).name##_awsize, (model).name##_awburst,      \
        (model).name##_awlock, (model).name##_awcache, (model).name##_awprot,                      \
        (model).name##_awqos, (model).name##_wlast, (model).name##_arid, (model).name##_arsize,    \
        (model).name##_arburst, (model).name##_arlock, (model).name##_arcache,                     \
        (model).name##_arprot, (model).name##_arqos, (model).name##_awvalid,                       \
        (model).name##_wvalid, (model).name##_bready, (model).name##_arvalid,                      \
        (model).name##_arlen, (model).name##_rready, (model).name##_awaddr, (model).name##_araddr, \
        (model).name##_wstrb, (model).name##_wdata, (model).name##_awready, (model).name##_wready, \
        (model).name##_bid, (model).name##_bresp, (model).name##_bvalid, (model).name##_arready,   \
        (model).name##_rid, (model).name##_rresp, (model).name##_rlast, (model).name##_rvalid,     \
        (model).name##_rdata                                                                       \
  }

// The wrapper of two lanes behind the signals of accllm_top, so that KernelHost drives it.
class WrappedKernel {
 public:
  static constexpr int kLanes = 2;

  explicit WrappedKernel(VerilatedContext* context) : model_(context) {}
  void final() { model_.final(); }

  void eval() {
    model_.ap_clk = clk_i;
    model_.ap_rst_n = rst_ni;
    model_.s_axi_control_awvalid = aw_valid_i;
    model_.s_axi_control_awaddr = aw_address_i;
    model_.s_axi_control_wvalid = w_valid_i;
    model_.s_axi_control_wdata = w_data_i;
    model_.s_axi_control_wstrb = w_strobe_i;
    model_.s_axi_control_bready = b_ready_i;
    model_.s_axi_control_arvalid = ar_valid_i;
    model_.s_axi_control_araddr = ar_address_i;
    model_.s_axi_control_rready = r_ready_i;
    for (int lane = 0; lane < kLanes; ++lane) DriveMaster(lane);
    model_.eval();
    r_valid_o = model_.s_axi_control_rvalid;
    r_data_o = model_.s_axi_control_rdata;
    interrupt_o = model_.__SYM__interrupt;
    for (int lane = 0; lane < kLanes; ++lane) SampleMaster(lane);
  }

  CData clk_i = 0, rst_ni = 0, interrupt_o = 0;
  CData aw_valid_i = 0, w_valid_i = 0, w_strobe_i = 0, b_ready_i = 0, ar_valid_i = 0, r_ready_i = 0;
  SData aw_address_i = 0, ar_address_i = 0;
  IData w_data_i = 0, r_data_o = 0;
  CData r_valid_o = 0;
  CData m_ar_ready_i = 0, m_r_valid_i = 0, m_r_response_i = 0, m_r_last_i = 0, m_aw_ready_i = 0;
  CData m_w_ready_i = 0, m_b_valid_i = 0, m_b_response_i = 0;
  VlWide<16 * kLanes> m_r_data_i, m_w_data_o;
  CData m_ar_valid_o = 0, m_r_ready_o = 0, m_aw_valid_o = 0, m_w_valid_o = 0, m_b_ready_o = 0;
  SData m_ar_length_o = 0;
  VlWide<2 * kLanes> m_ar_address_o, m_aw_address_o, m_w_strobe_o;
  // The wrapper shows none of it.
  CData trace_valid_o = 0, trace_lanes_o = 0;
  SData trace_value_o = 0, trace_addr_o = 0, trace_result_index_o = 0;
  QData trace_floats_o = 0;

 private:
  void DriveMaster(int lane) {
    const MasterPorts& ports = masters_[lane];
    ports.arready = Field(m_ar_ready_i, lane, 1);
    ports.rvalid = Field(m_r_valid_i, lane, 1);
    ports.rresp = Field(m_r_response_i, 2 * lane, 2);
    ports.rlast = Field(m_r_last_i, lane, 1);
    ports.awready = Field(m_aw_ready_i, lane, 1);
    ports.wready = Field(m_w_ready_i, lane, 1);
    ports.bvalid = Field(m_b_valid_i, lane, 1);
    ports.bresp = Field(m_b_response_i, 2 * lane, 2);
    ports.bid = ports.rid = 0;
    for (int i = 0; i < 16; ++i) ports.rdata[i] = m_r_data_i[16 * lane + i];
  }

  void SampleMaster(int lane) {
    const MasterPorts& ports = masters_[lane];
    ports.ExpectConstants();
    SetField(m_ar_valid_o, lane, 1, ports.arvalid);
    SetField(m_ar_address_o, 64 * lane, 64, ports.araddr);
    SetField(m_ar_length_o, 8 * lane, 8, ports.arlen);
    SetField(m_r_ready_o, lane, 1, ports.rready);
    SetField(m_aw_valid_o, lane, 1, ports.awvalid);
    SetField(m_aw_address_o, 64 * lane, 64, ports.awaddr);
    SetField(m_w_valid_o, lane, 1, ports.wvalid);
    SetField(m_w_strobe_o, 64 * lane, 64, ports.wstrb);
    SetField(m_b_ready_o, lane, 1, ports.bready);
    for (int i = 0; i < 16; ++i) m_w_data_o[16 * lane + i] = ports.wdata[i];
  }

  Vaccllm_kernel model_;
  std::array<MasterPorts, kLanes> masters_ = {ACCLLM_MASTER(model_, m00_axi),
                                              ACCLLM_MASTER(model_, m01_axi)};
};

}  // namespace accllm::rtl
