// What a machine takes of the FPGA where synthesis has counted the RTL's blocks:
// spec/accelerator/blocks.toml says how many a machine has, synthesis.toml what each takes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/estimate/area_model.h"
#include "base/json_fields.h"

namespace accllm::accel {

class CountedArea {
 public:
  // Paths are for messages. Errors: kNotFound and kCorrupt, naming file and field.
  static Result<CountedArea> Parse(std::string_view blocks, const std::string& blocks_path,
                                   std::string_view counts, const std::string& counts_path);

  // The parts whose blocks were all counted for such a machine. Where its vectors do not fit the
  // banks, nothing that has the banks' size is.
  std::vector<AreaPart> PartsOf(const MachineSize& machine) const;

 private:
  using Parameters = std::map<std::string, int64_t>;

  // A block of a part, and how many there are.
  struct Block {
    MachinePart part = MachinePart::kEngine;
    std::string module;
    std::map<std::string, std::string> sizes;  // parameters that are sizes of the machine
    Parameters numbers;                        // the others
    std::string per;
    int64_t each = 1;
  };
  struct Count {
    Parameters parameters;
    FabricUse use;
  };

  static Result<Block> ParseBlock(const JsonObject& table);
  Status ParseCounts(const JsonObject& root);
  Parameters SizesOf(const MachineSize& machine) const;
  const FabricUse* Find(const Block& block, const Parameters& sizes) const;
  std::optional<FabricUse> UseOf(MachinePart part, const Parameters& sizes) const;

  int64_t words_ = 0;
  int64_t blocks_ = 0;
  std::vector<Block> list_;
  std::map<std::string, std::vector<Count>> counts_;  // by module
};

// Parts that were counted, and by hand the others.
std::vector<AreaPart> AreaOf(const MachineSize& machine, const AreaCosts& costs,
                             const CountedArea& counted);

}  // namespace accllm::accel
