// A .acc file: whatever its bytes say, opening, verifying, loading and running it ends in a result
// or an error. Hashes are repaired first; otherwise no mutation would get past them.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "packed/packed_file.h"
#include "packed/xxh3.h"
#include "runtime/engine.h"

namespace accllm {
namespace {

bool Contains(const std::vector<uint8_t>& bytes, uint64_t offset, uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

void RepairHash(const std::vector<uint8_t>& bytes, uint64_t offset, uint64_t size, uint64_t& hash) {
  if (Contains(bytes, offset, size)) hash = Xxh3(std::span(bytes).subspan(offset, size));
}

void Repair(std::vector<uint8_t>& bytes) {
  format::FileHeader header = {};
  if (bytes.size() < sizeof(header)) return;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.file_bytes = bytes.size();
  constexpr uint64_t kRecord = sizeof(format::TensorRecord);
  for (uint64_t i = 0; i < header.n_tensors; ++i) {
    const uint64_t at = header.directory_offset + i * kRecord;
    if (!Contains(bytes, at, kRecord)) break;
    format::TensorRecord record = {};
    std::memcpy(&record, bytes.data() + at, kRecord);
    RepairHash(bytes, record.data_offset, record.data_bytes, record.xxh3);
    std::memcpy(bytes.data() + at, &record, kRecord);
  }
  RepairHash(bytes, header.tokenizer_offset, header.tokenizer_bytes, header.tokenizer_xxh3);
  RepairHash(bytes, header.metadata_offset, header.metadata_bytes, header.metadata_xxh3);
  RepairHash(bytes, header.directory_offset, header.directory_bytes, header.directory_xxh3);
  const auto* start = reinterpret_cast<const uint8_t*>(&header);
  header.header_xxh3 = Xxh3({start, offsetof(format::FileHeader, header_xxh3)});
  std::memcpy(bytes.data(), &header, sizeof(header));
}

void Run(const PackedFile& file) {
  auto engine = Engine::Load(file, {{1, 2}, 0, 1, Isa::kScalar, 2});
  if (!engine) return;
  const std::vector<int32_t> tokens = {0, 0, 0, 0, 0};
  std::vector<float> logits(static_cast<size_t>((*engine)->vocab_size()));
  // Weights may overflow to infinity: that is an error, and no more.
  static_cast<void>((*engine)->Append(tokens, 1, logits.data()));
}

}  // namespace
}  // namespace accllm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  static_cast<void>(accllm::PackedFile::Parse(bytes, "model.acc"));
  accllm::Repair(bytes);
  const auto file = accllm::PackedFile::Parse(bytes, "model.acc");
  if (!file) return 0;
  static_cast<void>(file->Verify());
  accllm::Run(*file);
  return 0;
}
