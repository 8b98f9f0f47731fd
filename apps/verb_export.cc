// accllm export: a checkpoint as a GGUF file, for llama.cpp and what is built on it.
#include <filesystem>
#include <memory>

#include "base/process_info.h"
#include "checkpoint/gguf_export.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "output_file.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct ExportFlags {
  std::string checkpoint;
  std::string gguf;
  bool force = false;
  bool json = false;
};

Result<ExportReport> Export(const ExportFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(flags.checkpoint));
  std::error_code error;
  if (std::filesystem::equivalent(flags.checkpoint, flags.gguf, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--gguf {}: is the input", flags.gguf),
                "name another file");
  }
  Progress progress("writing");
  auto report = ExportGguf(checkpoint, flags.gguf, NameOfPath(flags.checkpoint),
                           [&](double share, std::string_view tensor) {
                             progress.Update(share, tensor);
                             return !Interrupted();
                           });
  if (!report && report.error().code == ErrorCode::kInterrupted) {
    return tl::unexpected(InterruptedError("nothing is kept"));
  }
  return report;
}

Status RunExport(const ExportFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.gguf, flags.force, "--gguf"));
  const double start = MonotonicSeconds();
  ACCLLM_ASSIGN_OR_RETURN(const ExportReport report, Export(flags));
  const double seconds = MonotonicSeconds() - start;
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(flags.gguf, error));
  if (flags.json) {
    return PrintJson({{"file", flags.gguf},
                      {"file_bytes", bytes},
                      {"tensors", report.n_tensors},
                      {"parameters", report.n_parameters},
                      {"has_tokenizer", report.has_tokenizer},
                      {"seconds", seconds}});
  }
  if (!report.has_tokenizer) PrintNote("the checkpoint has no tokenizer, nor has the file");
  return PrintText(fmt::format("{}: {}, {} tensors in {}\n", flags.gguf, FormatBytes(bytes),
                               report.n_tensors, FormatSeconds(seconds)));
}

}  // namespace

VerbBody DeclareExport(OptionTable& table) {
  auto flags = std::make_shared<ExportFlags>();
  table.Positional("CHECKPOINT", flags->checkpoint,
                   "Folder with config.json and safetensors, or GGUF file");
  table
      .Value("--gguf", "FILE", flags->gguf,
             "GGUF file to write: matrices as F16, norms and biases as F32")
      .Required();
  table.Flag("--force", flags->force, "Overwrite an existing file");
  table.Json(flags->json);
  table.Examples({"accllm export models/books-6m --gguf books.gguf"});
  return [flags] { return RunExport(*flags); };
}

}  // namespace accllm::cli
