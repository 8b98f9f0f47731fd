#include "accel/card/xrt_port.h"

#include <experimental/xrt_ip.h>
#include <experimental/xrt_xclbin.h>
#include <fmt/format.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/index.h"
#include "spec/accelerator.h"

namespace accllm::accel {
namespace {

namespace registers = isa::registers;

// What `call` gives; what it throws as an error that begins with `what`.
template <typename Call>
auto Guarded(ErrorCode code, std::string_view what, std::string_view remedy, Call call)
    -> Result<decltype(call())> {
  try {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return {};
    } else {
      return call();
    }
  } catch (const std::exception& error) {
    return Fail(code, fmt::format("{}: {}", what, error.what()), std::string(remedy));
  }
}

template <typename Call>
auto Guarded(std::string_view what, Call call) {
  return Guarded(ErrorCode::kIo, what, "look at the card with xbutil examine", std::move(call));
}

// A compute unit with our registers, and the memory bank that each of its channels is linked to.
struct Kernel {
  std::string name;
  std::vector<int32_t> banks;  // by channel
};

// The banks of a compute unit; none if its arguments are not those of fpga/u280/registers.tcl.
std::vector<int32_t> BanksOf(const xrt::xclbin::ip& unit) {
  std::map<std::string, xrt::xclbin::arg> arguments;
  for (const xrt::xclbin::arg& argument : unit.get_args()) {
    arguments.emplace(argument.get_name(), argument);
  }
  std::vector<int32_t> banks;
  for (uint32_t channel = 0; channel < isa::kMaxLanes; ++channel) {
    const auto found = arguments.find(fmt::format("memory_{}", channel));
    if (found == arguments.end()) break;
    const uint64_t offset = registers::kMemory + channel * registers::kMemoryStride;
    const std::vector<xrt::xclbin::mem> memories = found->second.get_mems();
    if (found->second.get_offset() != offset || memories.empty()) return {};
    banks.push_back(memories.front().get_index());
  }
  return banks;
}

Result<Kernel> FindKernel(const xrt::xclbin& xclbin, const std::string& path) {
  for (const xrt::xclbin::ip& unit : xclbin.get_ips()) {
    Kernel kernel = {unit.get_name(), BanksOf(unit)};
    if (!kernel.banks.empty()) return kernel;
  }
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{}: no kernel in it has the registers of this version", path),
              "build the xclbin from this version of the sources");
}

class XrtPort final : public CardPort {
 public:
  static Result<std::unique_ptr<CardPort>> Open(const std::string& path, const std::string& card) {
    std::unique_ptr<XrtPort> port(new XrtPort);
    ACCLLM_ASSIGN_OR_RETURN(
        port->device_, Guarded(ErrorCode::kNotFound, fmt::format("there is no card {}", card),
                               "XRT finds cards and its drivers by XILINX_XRT: source setup.sh of "
                               "its installation, and see whether xbutil examine lists the card",
                               [&] { return xrt::device(card); }));
    ACCLLM_ASSIGN_OR_RETURN(
        const xrt::xclbin xclbin,
        Guarded(ErrorCode::kCorrupt, path, "give a file that v++ has linked for the card",
                [&] { return xrt::xclbin(path); }));
    ACCLLM_ASSIGN_OR_RETURN(auto found, Guarded(path, [&] { return FindKernel(xclbin, path); }));
    ACCLLM_ASSIGN_OR_RETURN(const Kernel kernel, std::move(found));
    port->buffers_.resize(kernel.banks.size());
    port->banks_ = kernel.banks;
    ACCLLM_RETURN_IF_ERROR(Guarded(fmt::format("{} on card {}", path, card), [&] {
      const xrt::uuid id = port->device_.load_xclbin(xclbin);
      port->kernel_ = xrt::ip(port->device_, id, kernel.name);
    }));
    return port;
  }

  int64_t n_channels() const override { return std::ssize(banks_); }

  Status WriteRegister(uint32_t offset, uint32_t value) override {
    return Guarded("a register of the card", [&] { kernel_.write_register(offset, value); });
  }
  Result<uint32_t> ReadRegister(uint32_t offset) override {
    return Guarded("a register of the card", [&] { return kernel_.read_register(offset); });
  }

  Result<uint64_t> Allocate(int64_t channel, size_t n_bytes) override {
    return Guarded(ErrorCode::kOutOfMemory,
                   fmt::format("{} bytes in memory channel {} of the card", n_bytes, channel),
                   "see with xbutil examine what else the card holds", [&] {
                     xrt::bo& buffer = buffers_[Index(channel)];
                     buffer = xrt::bo(device_, n_bytes, xrt::bo::flags::normal,
                                      static_cast<xrt::memory_group>(banks_[Index(channel)]));
                     return buffer.address();
                   });
  }
  Status Write(int64_t channel, size_t offset, std::span<const uint8_t> bytes) override {
    return Guarded("memory of the card", [&] {
      xrt::bo& buffer = buffers_[Index(channel)];
      buffer.write(bytes.data(), bytes.size(), offset);
      buffer.sync(XCL_BO_SYNC_BO_TO_DEVICE, bytes.size(), offset);
    });
  }
  Status Read(int64_t channel, size_t offset, std::span<uint8_t> bytes) override {
    return Guarded("memory of the card", [&] {
      xrt::bo& buffer = buffers_[Index(channel)];
      buffer.sync(XCL_BO_SYNC_BO_FROM_DEVICE, bytes.size(), offset);
      buffer.read(bytes.data(), bytes.size(), offset);
    });
  }

 private:
  XrtPort() = default;

  xrt::device device_;
  xrt::ip kernel_;
  std::vector<int32_t> banks_;
  std::vector<xrt::bo> buffers_;  // by channel
};

}  // namespace

Result<std::unique_ptr<CardPort>> OpenXrtPort(const std::string& xclbin, const std::string& card) {
  if (!std::filesystem::is_regular_file(xclbin)) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: there is no such file", xclbin),
                "give the xclbin that v++ has linked");
  }
  return XrtPort::Open(xclbin, card);
}

}  // namespace accllm::accel
