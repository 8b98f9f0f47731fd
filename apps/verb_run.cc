// accllm run: continues a prompt on a device that runs a program.
#include <chrono>
#include <memory>

#include "accel/accelerated_model.h"
#include "accel/card/card_device.h"
#include "accel/card/xrt_port.h"
#include "accel/functional/functional_device.h"
#include "accel/program/program_file.h"
#include "accel/rtl/rtl_port.h"
#include "accel/timing/chrome_trace.h"
#include "accel/timing/cycle_device.h"
#include "base/file_io.h"
#include "base/process_info.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "output_file.h"
#include "pass_log.h"
#include "prompt_flags.h"
#include "sampler_flags.h"
#include "stored_text.h"
#include "text_generation.h"
#include "token_output.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

// A pass takes milliseconds; in simulation a minute for the largest model that fits.
constexpr std::chrono::seconds kCardTimeLimit{10};
constexpr std::chrono::seconds kRtlTimeLimit{600};

struct RunProgramFlags {
  std::string program;
  std::string device = "functional";
  std::string xclbin;
  std::string card = "0";
  PromptFlags prompt;
  int64_t max_new_tokens = 128;
  SamplerOptions sampler;
  RunFlags run;
  std::string vectors;
  std::string trace;
  bool ignore_eos = false;
  bool json = false;
};

// A device, and the models behind it.
struct Machine {
  std::unique_ptr<accel::Device> device;
  accel::FunctionalDevice* functional = nullptr;  // null on a card and in the RTL
  const accel::CycleModel* cycles = nullptr;      // null but on the cycle device

  bool counts_cycles() const { return functional == nullptr || cycles != nullptr; }
};

// That an option is given only with a device that knows it.
Status CheckDeviceOptions(const RunProgramFlags& flags) {
  const bool is_card = flags.device == "xrt";
  const bool shows_results = !is_card && flags.device != "rtl";
  if (!flags.trace.empty() && flags.device != "cycle") {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--trace: the {} device knows no timeline", flags.device),
                "give --device cycle");
  }
  if (!shows_results && !flags.vectors.empty()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--vectors: the {} device shows no results of instructions", flags.device),
        "give --device functional");
  }
  if (is_card && flags.xclbin.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--device xrt needs --xclbin",
                "give the file that v++ has linked for the card");
  }
  return {};
}

Result<Machine> MakeMachine(const RunProgramFlags& flags, const accel::ProgramFile& program) {
  Machine machine;
  if (flags.device == "xrt") {
    ACCLLM_ASSIGN_OR_RETURN(auto port, accel::OpenXrtPort(flags.xclbin, flags.card));
    ACCLLM_ASSIGN_OR_RETURN(machine.device,
                            accel::CardDevice::Create(program, std::move(port), kCardTimeLimit));
    return machine;
  }
  if (flags.device == "rtl") {
    ACCLLM_ASSIGN_OR_RETURN(auto port, accel::OpenRtlPort());
    ACCLLM_ASSIGN_OR_RETURN(machine.device,
                            accel::CardDevice::Create(program, std::move(port), kRtlTimeLimit));
    return machine;
  }
  const int n_threads = flags.run.n_threads();
  if (flags.device == "cycle") {
    ACCLLM_ASSIGN_OR_RETURN(auto device, accel::CycleDevice::Create(program, {}, n_threads));
    machine.functional = &device->functional();
    machine.cycles = &device->model();
    machine.device = std::move(device);
    return machine;
  }
  ACCLLM_ASSIGN_OR_RETURN(auto device, accel::FunctionalDevice::Create(program, n_threads));
  machine.functional = device.get();
  machine.device = std::move(device);
  return machine;
}

// Runs the last pass once more, which changes nothing, and writes what each instruction gives as it
// comes: "007-linear.bin" for instruction 7; "end" gives nothing.
Status WriteVectors(const std::string& folder, accel::FunctionalDevice& device,
                    const accel::PassRegisters& pass) {
  int n_done = 0;
  device.SetWatch([&](const isa::Instruction& i, const accel::MachineState& state) -> Status {
    const int number = n_done++;
    const std::vector<uint8_t> result = accel::ResultOf(state, i);
    if (result.empty()) return {};
    const std::string path =
        fmt::format("{}/{:03}-{}.bin", folder, number, isa::kOpcodeLabels[i.opcode].label);
    const std::span<const uint8_t> bytes = result;
    return WriteFileAtomically(path, std::span(&bytes, 1));
  });
  return device.Run(pass);
}

// That what the options ask for beside the text can be written, before there is any.
Status CheckExtras(const RunProgramFlags& flags) {
  if (!flags.trace.empty()) ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.trace, true, "--trace"));
  if (flags.vectors.empty()) return {};
  return MakeFolder(flags.vectors, "--vectors");
}

// What the options ask for beside the text, of the last pass.
Status WriteExtras(const RunProgramFlags& flags, const accel::ProgramFile& program,
                   const Machine& machine, const accel::PassRegisters& pass) {
  if (!flags.vectors.empty()) {
    ACCLLM_RETURN_IF_ERROR(WriteVectors(flags.vectors, *machine.functional, pass));
  }
  if (flags.trace.empty()) return {};
  return WriteFileAtomically(flags.trace,
                             accel::ChromeTrace(machine.cycles->last_pass(), program.instructions(),
                                                {program.geometry().clock_khz}));
}

Status CheckRoom(const RunProgramFlags& flags, const accel::ProgramFile& program, size_t n_prompt) {
  const int64_t capacity = accel::Capacity(program.geometry());
  const int64_t needed = static_cast<int64_t>(n_prompt) + flags.max_new_tokens - 1;
  if (needed <= capacity) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("a prompt of {} tokens and {} new ones do not fit a context of {}",
                          n_prompt, flags.max_new_tokens, capacity),
              "compile the model with a --window or a larger --context");
}

// How a text came about.
struct Course {
  const Generation& generation;
  const PassLog& log;
  const Speculation& speculation;
  const TokenOutput& output;
  int64_t n_prompt;
  int64_t end;     // position where the text ends
  int64_t cycles;  // 0: not counted
  double seconds;
};

Status ReportAsJson(const RunProgramFlags& flags, const Course& course,
                    std::string_view stopped_by) {
  Json cycles;
  Json prompt_cycles;
  Json by_tenth;
  if (course.cycles > 0) {
    cycles = course.cycles;
    prompt_cycles = course.log.prompt_cycles();
    by_tenth = course.log.CyclesByTenth(course.end);
  }
  return PrintJson({{"text", course.output.has_text() ? Json(course.output.text()) : Json()},
                    {"tokens", course.generation.tokens},
                    {"prompt_tokens", course.n_prompt},
                    {"device", flags.device},
                    {"passes", course.log.n_passes()},
                    {"drafted_tokens", course.speculation.n_drafted()},
                    {"accepted_tokens", course.speculation.n_accepted()},
                    {"cycles", cycles},
                    {"prompt_cycles", prompt_cycles},
                    {"cycles_per_token_by_tenth", by_tenth},
                    {"stopped_by", stopped_by},
                    {"seconds", course.seconds}});
}

Status Report(const RunProgramFlags& flags, const Course& course, uint32_t clock_khz) {
  const size_t n_tokens = course.generation.tokens.size();
  const std::string_view stopped_by = StoppedBy(n_tokens, flags.max_new_tokens, course.output);
  if (flags.json) return ReportAsJson(flags, course, stopped_by);
  const int64_t n_read = course.log.n_prompt_read();
  const std::string read = n_read < course.n_prompt ? fmt::format(", {} read", n_read) : "";
  std::string time;
  if (course.cycles > 0) {
    time = fmt::format(", {} cycles ({:.3f} ms)", course.cycles,
                       static_cast<double>(course.cycles) / clock_khz);
  }
  PrintNote(fmt::format(
      "{} device: prompt {} tokens{}; generated {}{}; {} passes{}; stopped by {}; {} of this "
      "computer's time",
      flags.device, course.n_prompt, read, n_tokens, DraftNote(course.speculation),
      course.log.n_passes(), time, stopped_by, FormatSeconds(course.seconds)));
  return {};
}

Status RunProgram(const RunProgramFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckSamplerOptions(flags.sampler));
  ACCLLM_RETURN_IF_ERROR(CheckDeviceOptions(flags));
  ACCLLM_ASSIGN_OR_RETURN(const accel::ProgramFile program,
                          accel::ProgramFile::Open(flags.program));
  const PackedMetadata& metadata = program.metadata();
  ACCLLM_ASSIGN_OR_RETURN(const StoredText text,
                          ReadStoredText(metadata, program.tokenizer(), flags.program));
  const Tokenizer* tokenizer = text.tokenizer ? &*text.tokenizer : nullptr;
  ACCLLM_ASSIGN_OR_RETURN(
      const std::vector<int32_t> prompt,
      flags.prompt.Read(tokenizer, text.add_bos_token ? metadata.config.bos_token_id : -1,
                        flags.program));
  ACCLLM_RETURN_IF_ERROR(CheckRoom(flags, program, prompt.size()));
  ACCLLM_ASSIGN_OR_RETURN(Machine machine, MakeMachine(flags, program));
  ACCLLM_RETURN_IF_ERROR(CheckExtras(flags));
  accel::AcceleratedModel model(program, std::move(machine.device));
  PassLog log(std::ssize(prompt));
  model.SetOnPass(
      [&](const accel::PassRegisters& pass) { log.Add(pass, model.device().cycles()); });
  // Where nothing counts cycles, all passes cost the same.
  Speculation speculation(flags.run.draft, [&] {
    return static_cast<double>(machine.counts_cycles() ? model.device().cycles() : log.n_passes());
  });
  GenerateOptions limits;
  limits.max_new_tokens = flags.max_new_tokens;
  if (!flags.ignore_eos) limits.stop_tokens = metadata.config.eos_token_ids;
  TokenOutput output(tokenizer, prompt, flags.json);
  const double start = MonotonicSeconds();
  const auto generation = GenerateText(model, prompt, limits, flags.sampler, speculation, output,
                                       int64_t{program.geometry().slots});
  if (!generation && generation.error().code != ErrorCode::kInterrupted) {
    return tl::unexpected(generation.error());
  }
  // Within the prompt an interrupt leaves no text, but passes.
  const Generation done = generation.value_or(Generation());
  ACCLLM_RETURN_IF_ERROR(
      Report(flags,
             {done, log, speculation, output, std::ssize(prompt), model.position(),
              model.device().cycles(), MonotonicSeconds() - start},
             program.geometry().clock_khz));
  if (log.last()) {
    ACCLLM_RETURN_IF_ERROR(WriteExtras(flags, program, machine, *log.last()));
  }
  if (Interrupted()) return tl::unexpected(InterruptedError(""));
  return {};
}

}  // namespace

VerbBody DeclareRun(OptionTable& table) {
  auto flags = std::make_shared<RunProgramFlags>();
  table.Positional("PROGRAM", flags->program, "Program (.accp), as `accllm compile` writes it");
  const OptionRef device = table.Value("--device", "NAME", flags->device, "What runs it: {}");
  table.OneOf(device, {"functional", "cycle", "rtl", "xrt"});
  const OptionRef xclbin =
      table
          .Value("--xclbin", "FILE", flags->xclbin,
                 "With --device xrt: what the card is loaded with, as v++ links it")
          .NoDefault();
  const OptionRef card = table.Value("--card", "NAME", flags->card,
                                     "With --device xrt: the card, by index or PCI address");
  table.OnlyWith(device, {xclbin, card});
  flags->prompt.Declare(table);
  table.Value("-n,--max-new-tokens", "N", flags->max_new_tokens, "Tokens to generate, at most")
      .Positive();
  DeclareSampler(table, flags->sampler);
  flags->run.DeclareThreads(table);
  flags->run.DeclareDraft(table);
  table
      .Value("--vectors", "FOLDER", flags->vectors,
             "Write what each instruction of the last pass gave, a file each")
      .NoDefault();
  table
      .Value("--trace", "FILE", flags->trace,
             "With --device cycle: write a timeline of the last pass for chrome://tracing")
      .NoDefault();
  table.Flag("--ignore-eos", flags->ignore_eos, "Go on after an end-of-sequence token");
  table.Json(flags->json);
  table.Examples({"accllm run books.accp -p \"Call me Ishmael.\" -n 32 --temp 0",
                  "accllm run books.accp --device cycle -p \"Call me\" -n 8 --trace pass.json",
                  "accllm run books.accp --device xrt --xclbin accllm.xclbin -p \"Call me\""});
  return [flags] { return RunProgram(*flags); };
}

}  // namespace accllm::cli
