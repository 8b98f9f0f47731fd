// A .accp file: whatever its bytes say, a program that is accepted runs within its own memory, and
// changes none of its constants. Hashes and sizes are repaired first, and the configuration follows
// the geometry; otherwise no mutation would get past the checks.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "accel/accelerated_model.h"
#include "accel/program/layout.h"
#include "accel/timing/chrome_trace.h"
#include "accel/timing/cycle_device.h"
#include "base/index.h"
#include "packed/packed_metadata.h"
#include "packed/xxh3.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace accllm::accel {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr char kPath[] = "model.accp";
// What one input may cost, so that hundreds run in a second.
constexpr int64_t kMostMemory = 4 << 20;  // bytes
constexpr int64_t kMostFloats = 1 << 17;  // in vectors on the chip
constexpr int64_t kMostBeats = 1 << 14;   // that a pass reads
constexpr int64_t kMostProducts = 1 << 19;

bool Contains(std::span<const uint8_t> bytes, uint64_t offset, uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

isa::ProgramHeader HeaderOf(std::span<const uint8_t> bytes) {
  isa::ProgramHeader header = {};
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

isa::Geometry GeometryOf(const isa::ProgramHeader& header) {
  isa::Geometry g = {};
  std::memcpy(&g, header.geometry, sizeof(g));
  return g;
}

void RepairHash(const Bytes& bytes, uint64_t offset, uint64_t size, uint64_t& hash) {
  if (Contains(bytes, offset, size)) hash = Xxh3(std::span(bytes).subspan(offset, size));
}

// The configuration of the metadata becomes that of the geometry.
void RepairMetadata(Bytes& bytes, isa::ProgramHeader& header) {
  if (!Contains(bytes, header.metadata_offset, header.metadata_bytes)) return;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + header.metadata_offset,
                              header.metadata_bytes);
  auto metadata = ParsePackedMetadata(text, kPath);
  if (!metadata) return;
  const isa::Geometry g = GeometryOf(header);
  ModelConfig& config = metadata->config;
  config.hidden_size = g.hidden;
  config.intermediate_size = g.intermediate;
  config.n_heads = g.heads;
  config.n_kv_heads = g.kv_heads;
  config.head_dim = g.head_dim;
  config.vocab_size = g.vocab;
  config.rope_factors.clear();
  config.bos_token_id = -1;
  config.eos_token_ids.clear();
  const std::string json = PackedMetadataToJson(*metadata);
  header.metadata_offset = bytes.size();
  header.metadata_bytes = json.size();
  bytes.insert(bytes.end(), json.begin(), json.end());
}

void Repair(Bytes& bytes) {
  if (bytes.size() < sizeof(isa::ProgramHeader)) return;
  isa::ProgramHeader header = HeaderOf(bytes);
  RepairMetadata(bytes, header);
  header.file_bytes = bytes.size();
  const isa::Geometry g = GeometryOf(header);
  RepairHash(bytes, header.image_offset, uint64_t{g.image_stripes} * g.lanes * isa::kBeatBytes,
             header.image_xxh3);
  RepairHash(bytes, header.instructions_offset,
             uint64_t{header.n_instructions} * sizeof(isa::Instruction), header.instructions_xxh3);
  RepairHash(bytes, header.metadata_offset, header.metadata_bytes, header.metadata_xxh3);
  RepairHash(bytes, header.tokenizer_offset, header.tokenizer_bytes, header.tokenizer_xxh3);
  const auto* start = reinterpret_cast<const uint8_t*>(&header);
  header.header_xxh3 = Xxh3({start, offsetof(isa::ProgramHeader, header_xxh3)});
  std::memcpy(bytes.data(), &header, sizeof(header));
}

// Whether passes of all slots are short, and what they need is little.
bool IsSmall(const ProgramFile& program) {
  const isa::Geometry& g = program.geometry();
  const int64_t floats = g.slots * (int64_t{g.hidden} + g.intermediate + g.vocab +
                                    int64_t{2} * (g.heads + g.kv_heads) * g.head_dim);
  if (floats > kMostFloats) return false;
  if (int64_t{g.stripes} * g.lanes * isa::kBeatBytes > kMostMemory) return false;
  const CacheLayout cache = CacheLayout::For(g);
  int64_t products = 0;
  int64_t beats = 0;
  for (const isa::Instruction& i : program.instructions()) {
    switch (static_cast<isa::Opcode>(i.opcode)) {
      case isa::Opcode::kLinear:
        products += int64_t{g.slots} * i.rows * i.blocks * 256;
        beats += g.lanes * MatrixLayout{static_cast<isa::WeightFormat>(i.format), i.rows, i.blocks,
                                        g.lanes, i.has_bias == 1}
                               .stripes();
        break;
      case isa::Opcode::kStoreKv:
      case isa::Opcode::kAttend:
        products += int64_t{g.slots} * g.heads * (cache.n_slots + 1) * cache.padded_dim;
        beats += g.lanes * (cache.key_stripes() + cache.value_stripes());
        break;
      default:
        products += floats;
    }
  }
  return products <= kMostProducts && beats <= kMostBeats;
}

// Of the functional device, and of the cycle model where there is one.
struct Machine {
  std::unique_ptr<Device> device;
  FunctionalDevice* functional = nullptr;
  const CycleModel* cycles = nullptr;
};

Machine MakeMachine(const ProgramFile& program) {
  Machine machine;
  if (auto cycle = CycleDevice::Create(program, {}, 1)) {
    machine.functional = &(*cycle)->functional();
    machine.cycles = &(*cycle)->model();
    machine.device = std::move(*cycle);
  } else if (auto functional = FunctionalDevice::Create(program, 1)) {
    machine.functional = functional->get();
    machine.device = std::move(*functional);
  }
  return machine;
}

void Check(const ProgramFile& program, const Machine& machine) {
  const auto image = program.image();
  if (!std::equal(image.begin(), image.end(), machine.functional->state().memory.data())) {
    std::abort();
  }
  if (machine.cycles == nullptr) return;
  const auto& pass = machine.cycles->last_pass();
  if (pass.size() != program.instructions().size()) std::abort();
  for (const InstructionCycles& i : pass) {
    if (i.begin < 0 || i.end < i.begin) std::abort();
  }
  static_cast<void>(
      ChromeTrace(pass, program.instructions(), {.kilohertz = program.geometry().clock_khz}));
}

void Run(const ProgramFile& program) {
  const isa::Geometry& g = program.geometry();
  Machine machine = MakeMachine(program);
  if (machine.device == nullptr) return;
  machine.functional->SetWatch([](const isa::Instruction& i, const MachineState& state) -> Status {
    static_cast<void>(ResultOf(state, i));
    return {};
  });
  Device& device = *machine.device;
  AcceleratedModel model(program, std::move(machine.device));
  PassRegisters registers;
  std::vector<int32_t> tokens;
  for (uint32_t i = 0; i < g.slots; ++i) {
    tokens.push_back(static_cast<int32_t>((g.vocab - 1) / (i + 1)));
  }
  std::vector<float> logits(tokens.size() * g.vocab);
  // Weights may overflow to infinity: that is an error, and no more.
  static_cast<void>(model.Append(tokens, std::ssize(tokens), logits.data()));
  Check(program, machine);
  // Over the end of the ring or, if there is none, up to it.
  registers.n_tokens = std::ssize(tokens);
  registers.n_outputs = 1;
  registers.position =
      g.window > 0 ? int64_t{3} * g.ring_slots - 1 : int64_t{g.ring_slots} - registers.n_tokens;
  static_cast<void>(device.Run(registers));
  Check(program, machine);
}

// The words of geometry and instructions, which are what a machine obeys.
class Words {
 public:
  explicit Words(std::span<uint8_t> bytes) : bytes_(bytes) {
    const isa::ProgramHeader header = HeaderOf(bytes);
    Add(offsetof(isa::ProgramHeader, geometry), sizeof(isa::Geometry));
    first_instruction_ = offsets_.size();
    const uint64_t size = uint64_t{header.n_instructions} * sizeof(isa::Instruction);
    if (Contains(bytes, header.instructions_offset, size)) Add(header.instructions_offset, size);
  }

  size_t size() const { return offsets_.size(); }
  uint32_t Get(size_t i) const {
    uint32_t word = 0;
    std::memcpy(&word, &bytes_[offsets_[i]], sizeof(word));
    return word;
  }
  void Set(size_t i, uint32_t word) { std::memcpy(&bytes_[offsets_[i]], &word, sizeof(word)); }

  // All words that are as this one, so that sizes go on agreeing.
  void SetAll(size_t i, uint32_t word) {
    const uint32_t old = Get(i);
    for (size_t k = 0; k < size(); ++k) {
      if (Get(k) == old) Set(k, word);
    }
  }

  // One instruction over another.
  void CopyInstruction(size_t from, size_t to) {
    const size_t n = (size() - first_instruction_) / kWords;
    for (size_t k = 0; n > 0 && k < kWords; ++k) {
      Set(first_instruction_ + to % n * kWords + k,
          Get(first_instruction_ + from % n * kWords + k));
    }
  }

 private:
  static constexpr size_t kWords = sizeof(isa::Instruction) / 4;

  void Add(uint64_t offset, uint64_t n_bytes) {
    for (uint64_t i = 0; i < n_bytes; i += 4) offsets_.push_back(offset + i);
  }

  std::span<uint8_t> bytes_;
  std::vector<uint64_t> offsets_;
  size_t first_instruction_ = 0;
};

bool IsAccepted(std::span<const uint8_t> bytes) {
  const isa::ProgramHeader header = HeaderOf(bytes);
  const uint64_t size = uint64_t{header.n_instructions} * sizeof(isa::Instruction);
  if (size == 0 || !Contains(bytes, header.instructions_offset, size)) return false;
  std::vector<isa::Instruction> instructions(header.n_instructions);
  std::memcpy(instructions.data(), bytes.data() + header.instructions_offset, size);
  return CheckProgram(GeometryOf(header), instructions, kPath).has_value();
}

void MutateWords(std::span<uint8_t> bytes, std::minstd_rand& random) {
  Words words(bytes);
  for (auto n = random() % 3; n < 3; ++n) {
    const size_t at = random() % words.size();
    uint32_t word = words.Get(random() % words.size()) + static_cast<uint32_t>(random() % 3) - 1;
    if (random() % 3 == 0) word = 1U << random() % 32;
    if (random() % 3 == 0) word = words.Get(at) + static_cast<uint32_t>(random() % 33) - 16;
    switch (random() % 4) {
      case 0:
        words.CopyInstruction(random(), random());
        break;
      case 1:
        words.SetAll(at, word);
        break;
      default:
        words.Set(at, word);
    }
  }
}

}  // namespace
}  // namespace accllm::accel

// Most mutations change what a machine obeys, if possible so that it is still accepted; the rest is
// as everywhere.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::minstd_rand random(seed);
  if (size < sizeof(accllm::isa::ProgramHeader) || random() % 8 == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::vector<uint8_t> mutated;
  for (int attempt = 0; attempt < 32; ++attempt) {
    mutated.assign(data, data + size);
    accllm::accel::MutateWords(mutated, random);
    if (accllm::accel::IsAccepted(mutated)) break;
  }
  std::copy(mutated.begin(), mutated.end(), data);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using accllm::accel::ProgramFile;
  std::vector<uint8_t> bytes(data, data + size);
  static_cast<void>(ProgramFile::Parse(bytes, accllm::accel::kPath));
  accllm::accel::Repair(bytes);
  const auto program = ProgramFile::Parse(bytes, accllm::accel::kPath);
  if (program && accllm::accel::IsSmall(*program)) accllm::accel::Run(*program);
  return 0;
}
