// Stands for rtl_port.cc in a build without Verilator.
#include "accel/rtl/rtl_port.h"

namespace accllm::accel {

Result<std::unique_ptr<CardPort>> OpenRtlPort() {
  return Fail(ErrorCode::kUnsupported, "this build has no Verilator, so it simulates no RTL",
              "install verilator (tools/setup.sh rtl) and build again, with ACCLLM_RTL_DEVICE on");
}

}  // namespace accllm::accel
