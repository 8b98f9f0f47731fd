// Stands for xrt_port.cc in a build without XRT.
#include "accel/card/xrt_port.h"

namespace accllm::accel {

Result<std::unique_ptr<CardPort>> OpenXrtPort(const std::string& /*xclbin*/,
                                              const std::string& /*card*/) {
  return Fail(ErrorCode::kUnsupported, "this build has no XRT, so it reaches no card",
              "install Debian's libxrt-dev and build again");
}

}  // namespace accllm::accel
