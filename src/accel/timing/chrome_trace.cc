#include "accel/timing/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>

namespace accllm::accel {
namespace {

constexpr int kLanes = 1;
constexpr int kVectorUnit = 2;
constexpr int kMemory = 3;

bool UsesLanes(isa::Opcode opcode) {
  return opcode == isa::Opcode::kLinear || opcode == isa::Opcode::kAttend;
}

// What tells the matrices of a block apart: where results go, and what becomes of them there.
std::string Results(const isa::Instruction& i) {
  if (static_cast<isa::Opcode>(i.opcode) != isa::Opcode::kLinear) return "";
  const auto epilogue = static_cast<isa::Epilogue>(i.epilogue);
  const std::string_view to = epilogue == isa::Epilogue::kOutput
                                  ? "memory"
                                  : isa::kVectorLabels[static_cast<size_t>(i.destination)].label;
  return fmt::format(",\"to\":\"{}\",\"epilogue\":\"{}\"", to,
                     isa::kEpilogueLabels[static_cast<size_t>(i.epilogue)].label);
}

}  // namespace

std::string ChromeTrace(std::span<const InstructionCycles> pass,
                        std::span<const isa::Instruction> instructions, KernelClock clock) {
  std::string text = fmt::format(
      "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"clock_khz\":{}}},\"traceEvents\":[",
      clock.kilohertz);
  const auto microseconds = [&](int64_t cycles) {
    return static_cast<double>(cycles) * 1e3 / static_cast<double>(clock.kilohertz);
  };
  for (const auto& [thread, name] :
       {std::pair{kLanes, "lanes"}, {kVectorUnit, "vector unit"}, {kMemory, "memory"}}) {
    text += fmt::format(
        "{{\"ph\":\"M\",\"pid\":1,\"tid\":{},\"name\":\"thread_name\",\"args\":{{\"name\":\"{}\"}}}"
        "},"
        "\n",
        thread, name);
  }
  const int64_t start = pass.empty() ? 0 : pass.front().begin;
  for (const InstructionCycles& i : pass) {
    const isa::Instruction& code = instructions[i.index];
    const auto event = [&](int thread, int64_t begin, int64_t end, const std::string& more) {
      text += fmt::format(
          "{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"name\":\"{} {}\",\"ts\":{:.3f},\"dur\":{:.3f},"
          "\"args\":{{\"layer\":{},\"beats\":{}{}}}}},\n",
          thread, i.index, isa::kOpcodeLabels[static_cast<size_t>(i.opcode)].label,
          microseconds(begin - start), microseconds(end - begin), code.layer, i.beats, more);
    };
    event(UsesLanes(i.opcode) ? kLanes : kVectorUnit, i.begin, i.end,
          fmt::format(",\"busy\":{},\"waited_inputs\":{},\"waited_memory\":{},"
                      "\"waited_results\":{},\"vector\":{}{}",
                      i.busy, i.waited_inputs, i.waited_memory, i.waited_results, i.vector_cycles,
                      Results(code)));
    // What was asked for in the pass before shows as asked for at the start.
    if (i.beats > 0) {
      event(kMemory, std::max(start, i.asked_first), std::max(start, i.asked_last + 1), "");
    }
  }
  if (text.ends_with(",\n")) text.resize(text.size() - 2);
  return text + "]}\n";
}

}  // namespace accllm::accel
