// The pins of accllm_top that belong to a memory channel, in a Verilated model of it.
#pragma once

#include "accel/rtl/axi_memory.h"
#include "accel/rtl/field.h"

namespace accllm::rtl {

template <class Model>
void DriveChannel(Model& model, int lane, const AxiMemorySignals& memory) {
  SetField(model.m_ar_ready_i, lane, 1, memory.ar_ready);
  SetField(model.m_r_valid_i, lane, 1, memory.r_valid);
  SetField(model.m_r_response_i, 2 * lane, 2, static_cast<uint64_t>(memory.r_response));
  SetField(model.m_r_last_i, lane, 1, memory.r_last);
  SetField(model.m_aw_ready_i, lane, 1, memory.aw_ready);
  SetField(model.m_w_ready_i, lane, 1, memory.w_ready);
  SetField(model.m_b_valid_i, lane, 1, memory.b_valid);
  SetField(model.m_b_response_i, 2 * lane, 2, static_cast<uint64_t>(memory.b_response));
  for (size_t i = 0; i < memory.r_data.size(); ++i) {
    SetField(model.m_r_data_i, 8 * kAxiBeatBytes * lane + 32 * i, 32, memory.r_data[i]);
  }
}

template <class Model>
AxiMasterSignals SampleChannel(const Model& model, int lane) {
  AxiMasterSignals master;
  master.ar_valid = Field(model.m_ar_valid_o, lane, 1) == 1;
  master.ar_address = Field(model.m_ar_address_o, 64 * lane, 64);
  master.ar_length = static_cast<uint32_t>(Field(model.m_ar_length_o, 8 * lane, 8));
  master.r_ready = Field(model.m_r_ready_o, lane, 1) == 1;
  master.aw_valid = Field(model.m_aw_valid_o, lane, 1) == 1;
  master.aw_address = Field(model.m_aw_address_o, 64 * lane, 64);
  master.w_valid = Field(model.m_w_valid_o, lane, 1) == 1;
  master.w_last = true;
  master.w_strobe = Field(model.m_w_strobe_o, 64 * lane, 64);
  master.b_ready = Field(model.m_b_ready_o, lane, 1) == 1;
  for (size_t i = 0; i < master.w_data.size(); ++i) {
    master.w_data[i] =
        static_cast<uint32_t>(Field(model.m_w_data_o, 8 * kAxiBeatBytes * lane + 32 * i, 32));
  }
  return master;
}

}  // namespace accllm::rtl
