// What tests train models on with sentencepiece's own trainer.
#pragma once

#include <sentencepiece_trainer.h>

#include <string>

namespace accllm::testing {

class Sentences : public sentencepiece::SentenceIterator {
 public:
  Sentences() { Next(); }
  bool done() const override { return n_ > 300; }
  void Next() override {
    value_ = "the quick brown fox number " + std::to_string(++n_ * 7919 % 1000) +
             " jumps over a lazy dog in Caf\xC3\xA9 \xE4\xBD\xA0\xE5\xA5\xBD";
  }
  const std::string& value() const override { return value_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  int n_ = 0;
  std::string value_;
};

}  // namespace accllm::testing
