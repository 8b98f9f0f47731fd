#include "kernels/kv4/kv_list.h"

#include <cstddef>

namespace accllm::kernels {

void KvList::Append(const float* x) {
  const int64_t slot = n_slots();
  const int64_t row_bytes = KvPaddedDim(head_dim_) / 2;
  codes_.resize(codes_.size() + static_cast<size_t>(row_bytes));
  scales_.push_back(0);
  std::vector<uint8_t> groups(static_cast<size_t>(KvGroups(head_dim_)));
  QuantizeKv(x, head_dim_, {codes_.data() + slot * row_bytes, &scales_.back(), groups.data(), 1});
  // The groups' runs grow by one each; the last first, so that the others are where they were.
  for (int64_t g = KvGroups(head_dim_); g-- > 0;) {
    groups_.insert(groups_.begin() + g * slot + slot, groups[static_cast<size_t>(g)]);
  }
}

}  // namespace accllm::kernels
