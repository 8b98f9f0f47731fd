#include "accel/card/card_device.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <thread>

#include "accel/device_checks.h"
#include "base/index.h"

namespace accllm::accel {
namespace {

namespace registers = isa::registers;

constexpr uint32_t kStart = 1U << 0;
constexpr uint32_t kDone = 1U << 1;
constexpr uint32_t kIdle = 1U << 2;
// Between two looks at a running kernel: a pass of a large model takes milliseconds.
constexpr auto kPause = std::chrono::microseconds(20);
constexpr uint64_t kChannelAlignment = 4096;  // of `memory` (spec/accelerator.toml)
constexpr int64_t kPieceStripes = 1 << 14;    // that are written at once: 1 MiB a channel

// The instructions lie behind the stripes.
size_t InstructionsOffset(const isa::Geometry& g) { return size_t{g.stripes} * isa::kBeatBytes; }

// The beats of one lane among those of all, `bytes` from a stripe on; the last may be cut.
std::vector<uint8_t> BeatsOfLane(std::span<const uint8_t> bytes, int64_t lane, int64_t lanes) {
  const size_t stripe_bytes = Index(lanes * isa::kBeatBytes);
  std::vector<uint8_t> beats;
  beats.reserve(bytes.size() / Index(lanes) + isa::kBeatBytes);
  for (size_t at = Index(lane * isa::kBeatBytes); at < bytes.size(); at += stripe_bytes) {
    const auto beat = bytes.subspan(at, std::min<size_t>(isa::kBeatBytes, bytes.size() - at));
    beats.insert(beats.end(), beat.begin(), beat.end());
  }
  return beats;
}

struct KernelFailure {
  ErrorCode code;
  std::string_view what;
  std::string remedy;
};

// Of an instruction that looks at the cache, or of another.
KernelFailure FailureOf(uint32_t error, bool of_cache, const CardNames& names) {
  const std::string other_device = "--device functional knows all instructions";
  switch (static_cast<isa::KernelError>(error)) {
    case isa::KernelError::kNone:
      break;
    case isa::KernelError::kReadFailed:
      return {ErrorCode::kIo, "a memory channel answered a read with an error", names.reset};
    case isa::KernelError::kWriteFailed:
      return {ErrorCode::kIo, "a memory channel answered a write with an error", names.reset};
    case isa::KernelError::kIllegalInstruction:
      if (of_cache) {
        return {ErrorCode::kUnsupported, "it has no room for such a cache, or not such heads",
                "compile the model with a smaller --window; " + other_device};
      }
      return {ErrorCode::kUnsupported, "it does not know the instruction", other_device};
    case isa::KernelError::kTruncatedProgram:
      return {ErrorCode::kUnsupported, "the program has no end", other_device};
    case isa::KernelError::kIllegalPass:
      return {ErrorCode::kUnsupported, "it does not run so many tokens", names.recompile};
    case isa::KernelError::kIllegalGeometry:
      return {ErrorCode::kUnsupported, "the program was compiled for another machine",
              names.recompile};
  }
  return {ErrorCode::kIo, "it gave an error that is not known", names.reset};
}

// That the kernel is the machine that the program was compiled for.
Status CheckMachine(const ProgramFile& program, const CardPort& port) {
  const isa::Geometry& g = program.geometry();
  const std::optional<int64_t> slots = port.n_slots();
  if (port.n_channels() == int64_t{g.lanes} && g.slots <= slots.value_or(g.slots)) return {};
  return Fail(ErrorCode::kUnsupported,
              fmt::format("{} is for {} lanes and {} slots, {} has {} lanes{}", program.path(),
                          g.lanes, g.slots, port.names().kernel, port.n_channels(),
                          slots ? fmt::format(" and {} slots", *slots) : ""),
              port.names().recompile);
}

}  // namespace

CardDevice::CardDevice(const ProgramFile& program, std::unique_ptr<CardPort> port,
                       std::chrono::milliseconds time_limit)
    : g_(program.geometry()),
      port_(std::move(port)),
      names_(port_->names()),
      time_limit_(time_limit) {
  for (const isa::Instruction& i : program.instructions()) opcodes_.push_back(i.opcode);
}

Result<std::unique_ptr<CardDevice>> CardDevice::Create(const ProgramFile& program,
                                                       std::unique_ptr<CardPort> port,
                                                       std::chrono::milliseconds time_limit) {
  ACCLLM_RETURN_IF_ERROR(CheckMachine(program, *port));
  std::unique_ptr<CardDevice> device(new CardDevice(program, std::move(port), time_limit));
  ACCLLM_RETURN_IF_ERROR(device->CheckIdle());
  ACCLLM_RETURN_IF_ERROR(device->LoadMemory(program));
  ACCLLM_RETURN_IF_ERROR(device->LoadArguments(program));
  return device;
}

Status CardDevice::LoadMemory(const ProgramFile& program) {
  const std::span<const isa::Instruction> instructions = program.instructions();
  for (int64_t lane = 0; lane < g_.lanes; ++lane) {
    const size_t extra = lane == 0 ? instructions.size_bytes() : 0;
    ACCLLM_ASSIGN_OR_RETURN(const uint64_t address,
                            port_->Allocate(lane, InstructionsOffset(g_) + extra));
    if (address % kChannelAlignment != 0) {
      return Fail(ErrorCode::kIo,
                  fmt::format("the card's buffer in channel {} lies at {:#x}, which "
                              "is no multiple of {}",
                              lane, address, kChannelAlignment),
                  "use a version of XRT that aligns buffers to pages");
    }
    addresses_.push_back(address);
  }
  const std::span<const uint8_t> image = program.image();
  const size_t stripe_bytes = Index(g_.lanes * isa::kBeatBytes);
  const std::vector<uint8_t> zeros(Index(kPieceStripes) * stripe_bytes);
  for (int64_t stripe = 0; stripe < g_.stripes;) {
    const bool in_image = stripe < g_.image_stripes;
    const int64_t end = in_image ? g_.image_stripes : g_.stripes;
    const int64_t n = std::min(end - stripe, kPieceStripes);
    const size_t n_bytes = Index(n) * stripe_bytes;
    ACCLLM_RETURN_IF_ERROR(
        WriteMemory(stripe, in_image ? image.subspan(Index(stripe) * stripe_bytes, n_bytes)
                                     : std::span(zeros).first(n_bytes)));
    stripe += n;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(instructions.data());
  return port_->Write(0, InstructionsOffset(g_), {bytes, instructions.size_bytes()});
}

Status CardDevice::LoadArguments(const ProgramFile& program) {
  uint32_t offset = registers::kMemory;
  for (const uint64_t address : addresses_) {
    ACCLLM_RETURN_IF_ERROR(WriteWide(offset, address));
    offset += registers::kMemoryStride;
  }
  ACCLLM_RETURN_IF_ERROR(
      WriteWide(registers::kInstructions, addresses_[0] + InstructionsOffset(g_)));
  ACCLLM_RETURN_IF_ERROR(port_->WriteRegister(
      registers::kNInstructions, static_cast<uint32_t>(program.instructions().size())));
  const auto words = std::bit_cast<std::array<uint32_t, sizeof(isa::Geometry) / 4>>(g_);
  offset = registers::kGeometry;
  for (const uint32_t word : words) {
    ACCLLM_RETURN_IF_ERROR(port_->WriteRegister(offset, word));
    offset += sizeof(word);
  }
  return {};
}

Status CardDevice::WriteWide(uint32_t offset, uint64_t value) {
  ACCLLM_RETURN_IF_ERROR(port_->WriteRegister(offset, static_cast<uint32_t>(value)));
  return port_->WriteRegister(offset + 4, static_cast<uint32_t>(value >> 32));
}

Status CardDevice::WriteMemory(int64_t stripe, std::span<const uint8_t> bytes) {
  ACCLLM_RETURN_IF_ERROR(CheckStripes(g_, stripe, bytes.size()));
  for (int64_t lane = 0; lane < g_.lanes; ++lane) {
    const std::vector<uint8_t> beats = BeatsOfLane(bytes, lane, g_.lanes);
    if (beats.empty()) break;
    ACCLLM_RETURN_IF_ERROR(port_->Write(lane, Index(stripe * isa::kBeatBytes), beats));
  }
  return {};
}

Status CardDevice::ReadMemory(int64_t stripe, std::span<uint8_t> bytes) const {
  ACCLLM_RETURN_IF_ERROR(CheckStripes(g_, stripe, bytes.size()));
  const size_t stripe_bytes = Index(g_.lanes * isa::kBeatBytes);
  for (int64_t lane = 0; lane < g_.lanes; ++lane) {
    std::vector<uint8_t> beats = BeatsOfLane(bytes, lane, g_.lanes);
    if (beats.empty()) break;
    ACCLLM_RETURN_IF_ERROR(port_->Read(lane, Index(stripe * isa::kBeatBytes), beats));
    size_t to = Index(lane * isa::kBeatBytes);
    for (size_t from = 0; from < beats.size(); from += isa::kBeatBytes, to += stripe_bytes) {
      const size_t n = std::min<size_t>(isa::kBeatBytes, beats.size() - from);
      std::memcpy(&bytes[to], &beats[from], n);
    }
  }
  return {};
}

Status CardDevice::CheckIdle() {
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t control, port_->ReadRegister(registers::kControl));
  if ((control & kIdle) != 0 && (control & kStart) == 0) return {};
  return Fail(ErrorCode::kIo,
              fmt::format("{} is busy with a pass that nobody waits for", names_.kernel),
              names_.reset);
}

Status CardDevice::AwaitDone() {
  const auto deadline = std::chrono::steady_clock::now() + time_limit_;
  for (;;) {
    // The time is looked at first: a pass that ends while this thread sleeps is not late.
    const bool is_late = std::chrono::steady_clock::now() >= deadline;
    ACCLLM_ASSIGN_OR_RETURN(const uint32_t control, port_->ReadRegister(registers::kControl));
    if ((control & kDone) != 0) return {};
    if (is_late) break;
    std::this_thread::sleep_for(kPause);
  }
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t state, port_->ReadRegister(registers::kState));
  return Fail(ErrorCode::kIo,
              fmt::format("{} did not finish a pass in {} ms; its state is {}", names_.kernel,
                          time_limit_.count(), state),
              names_.reset);
}

Status CardDevice::CheckError() {
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t error, port_->ReadRegister(registers::kError));
  if (error == static_cast<uint32_t>(isa::KernelError::kNone)) return {};
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t index, port_->ReadRegister(registers::kFailedInstruction));
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t channel, port_->ReadRegister(registers::kFailedChannel));
  const auto is = [&](isa::Opcode opcode) {
    return index < opcodes_.size() && opcodes_[index] == static_cast<uint32_t>(opcode);
  };
  const bool of_cache = is(isa::Opcode::kStoreKv) || is(isa::Opcode::kAttend);
  const KernelFailure failure = FailureOf(error, of_cache, names_);
  const bool is_memory = failure.code == ErrorCode::kIo;
  return Fail(failure.code,
              fmt::format("{} stopped with error {} at instruction {} ({}){}: {}", names_.kernel,
                          error, index, OpcodeAt(index),
                          is_memory ? fmt::format(", channel {}", channel) : "", failure.what),
              failure.remedy);
}

std::string_view CardDevice::OpcodeAt(uint32_t index) const {
  return index < opcodes_.size() ? isa::kOpcodeLabels[opcodes_[index]].label
                                 : "none of the program";
}

Status CardDevice::Run(const PassRegisters& pass) {
  ACCLLM_RETURN_IF_ERROR(CheckPass(g_, pass));
  ACCLLM_RETURN_IF_ERROR(CheckIdle());
  ACCLLM_RETURN_IF_ERROR(WriteWide(registers::kPosition, static_cast<uint64_t>(pass.position)));
  ACCLLM_RETURN_IF_ERROR(
      port_->WriteRegister(registers::kNTokens, static_cast<uint32_t>(pass.n_tokens)));
  ACCLLM_RETURN_IF_ERROR(
      port_->WriteRegister(registers::kNOutputs, static_cast<uint32_t>(pass.n_outputs)));
  ACCLLM_RETURN_IF_ERROR(port_->WriteRegister(registers::kControl, kStart));
  ACCLLM_RETURN_IF_ERROR(AwaitDone());
  ACCLLM_RETURN_IF_ERROR(CheckError());
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t low, port_->ReadRegister(registers::kCycles));
  ACCLLM_ASSIGN_OR_RETURN(const uint32_t high, port_->ReadRegister(registers::kCycles + 4));
  cycles_ += static_cast<int64_t>(uint64_t{high} << 32 | low);
  return {};
}

}  // namespace accllm::accel
