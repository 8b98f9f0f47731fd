// A card behind AMD's runtime XRT, where the build has it.
#pragma once

#include <memory>
#include <string>

#include "accel/card/card_port.h"

namespace accllm::accel {

// Opens a card, an index or a PCI address as "0000:65:00.1", and loads the xclbin into it.
// Errors: kUnsupported if this build has no XRT, or the xclbin has no kernel with our registers;
// kNotFound if there is no such file or card; kIo for what XRT says else.
Result<std::unique_ptr<CardPort>> OpenXrtPort(const std::string& xclbin, const std::string& card);

}  // namespace accllm::accel
