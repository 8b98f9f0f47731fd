// accllm compile: a packed model becomes a program of the accelerator.
#include <filesystem>
#include <memory>

#include "base/file_io.h"
#include "base/process_info.h"
#include "compiler/compile.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "output_file.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct CompileFlags {
  std::string model;
  std::string output;
  std::string target = "u280";
  std::string dump;
  RunFlags run;
  bool force = false;
  bool json = false;
};

Result<PackedFile> OpenModel(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return PackedFile::Open(path);
  return Fail(ErrorCode::kUnsupported, fmt::format("{}: is a folder, not a packed file", path),
              "`accllm compress CHECKPOINT -o MODEL.acc` makes one of a checkpoint");
}

Result<compiler::CompileOptions> OptionsFor(const CompileFlags& flags, const PackedFile& packed) {
  compiler::CompileOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.target, compiler::LoadTarget(flags.target));
  ACCLLM_ASSIGN_OR_RETURN(options.window, flags.run.Attention(packed.metadata().attention));
  ACCLLM_ASSIGN_OR_RETURN(
      options.max_tokens,
      flags.run.MaxTokens(options.window, packed.config().max_position_embeddings));
  return options;
}

Status RunCompile(const CompileFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const PackedFile packed, OpenModel(flags.model));
  ACCLLM_ASSIGN_OR_RETURN(const compiler::CompileOptions options, OptionsFor(flags, packed));
  ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.output, flags.force));
  if (!flags.dump.empty()) ACCLLM_RETURN_IF_ERROR(MakeFolder(flags.dump, "--dump"));
  int n_passes = 0;
  const auto on_pass = [&](std::string_view pass, const compiler::Graph& graph) -> Status {
    if (flags.dump.empty()) return {};
    return WriteFileAtomically(fmt::format("{}/{}-{}.txt", flags.dump, ++n_passes, pass),
                               compiler::Dump(graph));
  };
  const double start = MonotonicSeconds();
  Progress progress("compiling");
  ACCLLM_ASSIGN_OR_RETURN(
      const compiler::CompileReport report,
      compiler::Compile(packed, options, flags.output, on_pass, [&](double share) {
        progress.Update(share);
        return !Interrupted();
      }));
  const double seconds = MonotonicSeconds() - start;
  if (flags.json) {
    return PrintJson({{"file", flags.output},
                      {"target", options.target.name},
                      {"instructions", report.instructions},
                      {"constant_bytes", report.constant_bytes},
                      {"cache_bytes", report.cache_bytes},
                      {"memory_bytes", report.memory_bytes},
                      {"vector_bytes", report.vector_bytes},
                      {"seconds", seconds}});
  }
  return PrintText(fmt::format(
      "{}: {} instructions for {}; weights {}, cache {} of {} memory; {} on the chip; {}\n",
      flags.output, report.instructions, options.target.name, FormatBytes(report.constant_bytes),
      FormatBytes(report.cache_bytes), FormatBytes(report.memory_bytes),
      FormatBytes(report.vector_bytes), FormatSeconds(seconds)));
}

}  // namespace

VerbBody DeclareCompile(OptionTable& table) {
  auto flags = std::make_shared<CompileFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc)");
  table.Value("-o,--output", "FILE", flags->output, "Program to write (.accp)").Required();
  const std::vector<std::string_view> targets = compiler::BundledTargets();
  table.Value("--target", "NAME|FILE", flags->target,
              fmt::format("The machine: {}, or a TOML file", fmt::join(targets, ", ")));
  flags->run.DeclareAttention(table);
  flags->run.DeclareContext(table);
  table
      .Value("--dump", "FOLDER", flags->dump,
             "Write what the program looks like after each pass of the compiler")
      .NoDefault();
  table.Flag("--force", flags->force, "Overwrite an existing file");
  table.Json(flags->json);
  table.Examples({"accllm compile models/books-6m.acc -o books.accp",
                  "accllm compile model.acc -o model.accp --target zcu104 --window 1020"});
  return [flags] { return RunCompile(*flags); };
}

}  // namespace accllm::cli
