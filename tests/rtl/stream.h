#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "accel/rtl/stall.h"

namespace accllm::rtl {

// Drives the valid side of a stream: what it offers stays until it is taken.
//
//     dut->valid_i = source.Valid();  dut->data_i = source.Data();  Settle();
//     source.Sample(dut->ready_o);
template <class T>
class Source {
 public:
  explicit Source(Stall stall) : stall_(std::move(stall)) {}

  void Push(T item) { items_.push_back(std::move(item)); }
  bool Valid() {
    valid_ = !items_.empty() && (valid_ || !stall_());
    return valid_;
  }
  // A value of no meaning where nothing is offered.
  T Data() const { return valid_ ? items_.front() : T{}; }
  // Returns whether the item was taken.
  bool Sample(bool ready) {
    const bool taken = valid_ && ready;
    if (taken) {
      items_.pop_front();
      valid_ = false;
    }
    return taken;
  }
  bool empty() const { return items_.empty(); }

 private:
  Stall stall_;
  std::deque<T> items_;
  bool valid_ = false;
};

// Drives the ready side of a stream, keeps what came, and checks that what is offered stays until
// it is taken.
//
//     dut->ready_i = sink.Ready();  Settle();  sink.Sample(dut->valid_o, dut->data_o);
template <class T>
class Sink {
 public:
  explicit Sink(Stall stall) : stall_(std::move(stall)) {}

  bool Ready() {
    ready_ = !stall_();
    return ready_;
  }
  // Returns whether an item came.
  bool Sample(bool valid, const T& data) {
    if (waiting_) {
      EXPECT_TRUE(valid) << "an offer was taken back";
      if (valid) {
        EXPECT_EQ(data, *waiting_) << "an offer changed before it was taken";
      }
    }
    waiting_.reset();
    if (valid && !ready_) waiting_ = data;
    if (valid && ready_) items_.push_back(data);
    return valid && ready_;
  }
  const std::vector<T>& items() const { return items_; }

 private:
  Stall stall_;
  std::vector<T> items_;
  std::optional<T> waiting_;
  bool ready_ = false;
};

}  // namespace accllm::rtl
