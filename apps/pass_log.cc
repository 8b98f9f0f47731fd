#include "pass_log.h"

#include <algorithm>

namespace accllm::cli {

void PassLog::Add(const accel::PassRegisters& pass, int64_t cycles) {
  if (pass.position < n_prompt_) {
    n_prompt_read_ = pass.position + pass.n_tokens;
    prompt_cycles_ = cycles;
  } else {
    marks_.push_back({pass.position, cycles_});
  }
  ++n_passes_;
  cycles_ = cycles;
  last_ = pass;
}

std::vector<double> PassLog::CyclesByTenth(int64_t end) const {
  const int64_t total = end - n_prompt_;
  if (total <= 0 || marks_.empty()) return {};
  const auto cycles_at = [&](int64_t position) {
    const auto next =
        std::upper_bound(marks_.begin(), marks_.end(), position,
                         [](int64_t value, const Mark& mark) { return value < mark.position; });
    const Mark to = next == marks_.end() ? Mark{end, cycles_} : *next;
    const Mark from = *(next - 1);
    const double share = static_cast<double>(position - from.position) /
                         static_cast<double>(to.position - from.position);
    return static_cast<double>(from.cycles) + share * static_cast<double>(to.cycles - from.cycles);
  };
  const int64_t n_parts = std::min<int64_t>(10, total);
  std::vector<double> parts;
  for (int64_t i = 0; i < n_parts; ++i) {
    const int64_t begin = n_prompt_ + total * i / n_parts;
    const int64_t stop = n_prompt_ + total * (i + 1) / n_parts;
    parts.push_back((cycles_at(stop) - cycles_at(begin)) / static_cast<double>(stop - begin));
  }
  return parts;
}

}  // namespace accllm::cli
