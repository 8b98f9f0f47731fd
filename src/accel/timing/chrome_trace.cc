#include "accel/timing/chrome_trace.h"

#include <fmt/format.h>

namespace accllm::accel {
namespace {

constexpr int kLanes = 1;
constexpr int kVectorUnit = 2;

bool UsesLanes(isa::Opcode opcode) {
  return opcode == isa::Opcode::kLinear || opcode == isa::Opcode::kAttend;
}

}  // namespace

std::string ChromeTrace(std::span<const InstructionCycles> pass,
                        std::span<const isa::Instruction> instructions, KernelClock clock) {
  std::string text = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
  const auto microseconds = [&](int64_t cycles) {
    return static_cast<double>(cycles) * 1e3 / static_cast<double>(clock.kilohertz);
  };
  for (const auto& [thread, name] : {std::pair{kLanes, "lanes"}, {kVectorUnit, "vector unit"}}) {
    text += fmt::format(
        "{{\"ph\":\"M\",\"pid\":1,\"tid\":{},\"name\":\"thread_name\",\"args\":{{\"name\":\"{}\"}}}"
        "},"
        "\n",
        thread, name);
  }
  const int64_t start = pass.empty() ? 0 : pass.front().begin;
  for (const InstructionCycles& i : pass) {
    text += fmt::format(
        "{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"name\":\"{} {}\",\"ts\":{:.3f},\"dur\":{:.3f},"
        "\"args\":{{\"layer\":{},\"beats\":{},\"busy\":{},\"waited_inputs\":{},"
        "\"waited_memory\":{},\"waited_results\":{}}}}},\n",
        UsesLanes(i.opcode) ? kLanes : kVectorUnit, i.index,
        isa::kOpcodeLabels[static_cast<size_t>(i.opcode)].label, microseconds(i.begin - start),
        microseconds(i.end - i.begin), instructions[i.index].layer, i.beats, i.busy,
        i.waited_inputs, i.waited_memory, i.waited_results);
  }
  if (text.ends_with(",\n")) text.resize(text.size() - 2);
  return text + "]}\n";
}

}  // namespace accllm::accel
