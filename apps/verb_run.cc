// accllm run: continues a prompt on a device that runs a program.
#include <memory>

#include "accel/accelerated_model.h"
#include "accel/functional/functional_device.h"
#include "accel/program/program_file.h"
#include "accel/timing/chrome_trace.h"
#include "accel/timing/cycle_device.h"
#include "base/file_io.h"
#include "base/process_info.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "output_file.h"
#include "prompt_flags.h"
#include "sampler_flags.h"
#include "stored_text.h"
#include "text_generation.h"
#include "token_output.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct RunProgramFlags {
  std::string program;
  std::string device = "functional";
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
  accel::FunctionalDevice* functional = nullptr;
  const accel::CycleModel* cycles = nullptr;  // null on the functional device
};

Result<Machine> MakeMachine(const RunProgramFlags& flags, const accel::ProgramFile& program) {
  Machine machine;
  const int n_threads = flags.run.n_threads();
  if (flags.device == "cycle") {
    ACCLLM_ASSIGN_OR_RETURN(auto device, accel::CycleDevice::Create(program, {}, n_threads));
    machine.functional = &device->functional();
    machine.cycles = &device->model();
    machine.device = std::move(device);
    return machine;
  }
  if (!flags.trace.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--trace: the functional device knows no time",
                "give --device cycle");
  }
  ACCLLM_ASSIGN_OR_RETURN(auto device, accel::FunctionalDevice::Create(program, n_threads));
  machine.functional = device.get();
  machine.device = std::move(device);
  return machine;
}

// Keeps what each instruction of the last pass gave, and writes it as files.
class VectorFiles {
 public:
  explicit VectorFiles(size_t n_instructions) : results_(n_instructions) {}

  void Watch(accel::FunctionalDevice& device) {
    device.SetWatch([this](const isa::Instruction& i, const accel::MachineState& state) {
      results_[next_] = accel::ResultOf(state, i);
      next_ = (next_ + 1) % results_.size();
    });
  }

  // "007-linear.bin" for instruction 7; "end" gives nothing.
  Status Write(const std::string& folder, std::span<const isa::Instruction> instructions) const {
    for (size_t i = 0; i < results_.size(); ++i) {
      if (results_[i].empty()) continue;
      const std::string path = fmt::format("{}/{:03}-{}.bin", folder, i,
                                           isa::kOpcodeLabels[instructions[i].opcode].label);
      const std::span<const uint8_t> bytes = results_[i];
      ACCLLM_RETURN_IF_ERROR(WriteFileAtomically(path, std::span(&bytes, 1)));
    }
    return {};
  }

 private:
  std::vector<std::vector<uint8_t>> results_;
  size_t next_ = 0;
};

// That what the options ask for beside the text can be written, before there is any.
Status CheckExtras(const RunProgramFlags& flags) {
  if (!flags.trace.empty()) ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.trace, true, "--trace"));
  if (flags.vectors.empty()) return {};
  return MakeFolder(flags.vectors, "--vectors");
}

// What the options ask for beside the text.
Status WriteExtras(const RunProgramFlags& flags, const accel::ProgramFile& program,
                   const Machine& machine, const VectorFiles& vectors) {
  if (!flags.vectors.empty()) {
    ACCLLM_RETURN_IF_ERROR(vectors.Write(flags.vectors, program.instructions()));
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

Status Report(const RunProgramFlags& flags, const Generation& generation, size_t n_prompt,
              const TokenOutput& output, const accel::ProgramFile& program, int64_t cycles,
              double seconds) {
  const std::string_view stopped_by =
      StoppedBy(generation.tokens.size(), flags.max_new_tokens, output);
  if (flags.json) {
    return PrintJson({{"text", output.has_text() ? Json(output.text()) : Json()},
                      {"tokens", generation.tokens},
                      {"prompt_tokens", n_prompt},
                      {"device", flags.device},
                      {"cycles", cycles > 0 ? Json(cycles) : Json()},
                      {"stopped_by", stopped_by},
                      {"seconds", seconds}});
  }
  std::string time;
  if (cycles > 0) {
    time = fmt::format(", {} cycles ({:.3f} ms)", cycles,
                       static_cast<double>(cycles) / program.geometry().clock_khz);
  }
  PrintNote(fmt::format(
      "{} device: prompt {} tokens, generated {}{}; stopped by {}; {} of this computer's time",
      flags.device, n_prompt, generation.tokens.size(), time, stopped_by, FormatSeconds(seconds)));
  return {};
}

Status RunProgram(const RunProgramFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckSamplerOptions(flags.sampler));
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
  VectorFiles vectors(program.instructions().size());
  if (!flags.vectors.empty()) vectors.Watch(*machine.functional);
  accel::AcceleratedModel model(program, std::move(machine.device));
  GenerateOptions limits;
  limits.max_new_tokens = flags.max_new_tokens;
  if (!flags.ignore_eos) limits.stop_tokens = metadata.config.eos_token_ids;
  TokenOutput output(tokenizer, prompt, flags.json);
  const double start = MonotonicSeconds();
  ACCLLM_ASSIGN_OR_RETURN(const Generation generation,
                          GenerateText(model, prompt, limits, flags.sampler, nullptr, output));
  ACCLLM_RETURN_IF_ERROR(Report(flags, generation, prompt.size(), output, program,
                                model.device().cycles(), MonotonicSeconds() - start));
  ACCLLM_RETURN_IF_ERROR(WriteExtras(flags, program, machine, vectors));
  if (Interrupted()) return tl::unexpected(InterruptedError(""));
  return {};
}

}  // namespace

VerbBody DeclareRun(OptionTable& table) {
  auto flags = std::make_shared<RunProgramFlags>();
  table.Positional("PROGRAM", flags->program, "Program (.accp), as `accllm compile` writes it");
  table.OneOf(table.Value("--device", "NAME", flags->device, "What runs it: {}"),
              {"functional", "cycle"});
  flags->prompt.Declare(table);
  table.Value("-n,--max-new-tokens", "N", flags->max_new_tokens, "Tokens to generate, at most")
      .Positive();
  DeclareSampler(table, flags->sampler);
  flags->run.DeclareThreads(table);
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
                  "accllm run books.accp --device cycle -p \"Call me\" -n 8 --trace pass.json"});
  return [flags] { return RunProgram(*flags); };
}

}  // namespace accllm::cli
