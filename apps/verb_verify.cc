// accllm verify: checks every byte of a packed file.
#include <memory>

#include "console.h"
#include "options.h"
#include "packed/packed_file.h"
#include "tokenizer/tokenizer.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct VerifyFlags {
  std::string file;
  bool json = false;
};

Status RunVerify(const VerifyFlags& flags) {
  ACCLLM_ASSIGN_OR_RETURN(const PackedFile file, PackedFile::Open(flags.file));
  ACCLLM_RETURN_IF_ERROR(file.Verify());
  const bool has_tokenizer = !file.tokenizer().empty();
  if (has_tokenizer) {
    ACCLLM_RETURN_IF_ERROR(Tokenizer::Load(file.tokenizer(), flags.file + ": tokenizer"));
  }
  const auto bytes = static_cast<int64_t>(file.bytes().size());
  if (flags.json) {
    return PrintJson({{"file", flags.file},
                      {"intact", true},
                      {"file_bytes", bytes},
                      {"tensors", file.tensors().size()},
                      {"tokenizer", has_tokenizer}});
  }
  return PrintText(fmt::format(
      "{}: intact\n"
      "checked {}: header, directory and metadata; hashes of {} tensors; every code, multiplier, "
      "scale and padding byte{}\n",
      flags.file, FormatBytes(bytes), file.tensors().size(),
      has_tokenizer ? "; tokenizer" : "; there is no tokenizer"));
}

}  // namespace

VerbBody DeclareVerify(OptionTable& table) {
  auto flags = std::make_shared<VerifyFlags>();
  table.Positional("FILE", flags->file, "Packed file (.acc)");
  table.Json(flags->json);
  table.Examples({"accllm verify model.acc && echo intact"});
  return [flags] { return RunVerify(*flags); };
}

}  // namespace accllm::cli
