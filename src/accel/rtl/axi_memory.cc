#include "accel/rtl/axi_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace accllm::rtl {

namespace {

constexpr uint64_t kPageBytes = 4096;

std::array<Stall, 5> MakeStalls(const AxiMemoryOptions& options) {
  const auto make = [&](uint32_t i) {
    return options.stalls ? Stall(options.seed * 8 + i) : Stall::Never();
  };
  return {make(0), make(1), make(2), make(3), make(4)};
}

}  // namespace

AxiMemory::AxiMemory(const AxiMemoryOptions& options, Report report)
    : options_(options),
      report_(std::move(report)),
      bytes_(options.bytes),
      random_(options.seed),
      stalls_(MakeStalls(options)) {
  assert(options.bytes % kAxiBeatBytes == 0 && options.base % kAxiBeatBytes == 0);
}

const AxiMemorySignals& AxiMemory::Drive() {
  const bool reads_wait = out_.r_valid;  // an offer stays
  const bool response_waits = out_.b_valid;
  out_.ar_ready = !stalls_[0]() && read_bursts_ < options_.max_bursts;
  out_.aw_ready =
      !stalls_[2]() && write_addresses_.size() + responses_.size() < options_.max_bursts;
  out_.w_ready = !stalls_[3]() && write_beats_.size() < options_.max_beats;
  const bool read_gap = stalls_[1](), response_gap = stalls_[4]();
  out_.r_valid = reads_wait || (!read_gap && !reads_.empty() && reads_.front().due <= cycle_);
  if (out_.r_valid) {
    out_.r_data = reads_.front().data;
    out_.r_response = reads_.front().response;
    out_.r_last = reads_.front().last;
  }
  out_.b_valid =
      response_waits || (!response_gap && !responses_.empty() && responses_.front().due <= cycle_);
  if (out_.b_valid && !response_waits) out_.b_response = CarryOut(responses_.front());
  return out_;
}

void AxiMemory::Sample(const AxiMasterSignals& master) {
  CheckOffers(master);
  if (out_.r_valid && master.r_ready) {
    ++beats_read_;
    read_bursts_ -= reads_.front().last;
    reads_.pop_front();
    out_.r_valid = false;
  }
  if (out_.b_valid && master.b_ready) {
    responses_.pop_front();
    out_.b_valid = false;
  }
  if (master.ar_valid && out_.ar_ready) TakeReadAddress(master);
  if (master.aw_valid && out_.aw_ready) {
    CheckBurst("AW", master.aw_address, master.aw_length);
    write_addresses_.push_back({master.aw_address, master.aw_length + 1});
  }
  if (master.w_valid && out_.w_ready) {
    ++beats_written_;
    write_beats_.push_back({master.w_data, master.w_strobe, master.w_last});
  }
  MatchWrites();
  before_ = master;
  before_->ar_valid = master.ar_valid && !out_.ar_ready;
  before_->aw_valid = master.aw_valid && !out_.aw_ready;
  before_->w_valid = master.w_valid && !out_.w_ready;
  ++cycle_;
}

void AxiMemory::CheckOffers(const AxiMasterSignals& master) {
  if (!before_) return;
  const AxiMasterSignals& before = *before_;
  if (before.ar_valid && (!master.ar_valid || master.ar_address != before.ar_address ||
                          master.ar_length != before.ar_length)) {
    Breach("AR was taken back or changed before it was taken");
  }
  if (before.aw_valid && (!master.aw_valid || master.aw_address != before.aw_address ||
                          master.aw_length != before.aw_length)) {
    Breach("AW was taken back or changed before it was taken");
  }
  if (before.w_valid && (!master.w_valid || master.w_data != before.w_data ||
                         master.w_strobe != before.w_strobe || master.w_last != before.w_last)) {
    Breach("W was taken back or changed before it was taken");
  }
}

void AxiMemory::CheckBurst(const char* channel, uint64_t address, uint32_t length) {
  const uint64_t last = address + uint64_t{length} * kAxiBeatBytes;
  if (address % kAxiBeatBytes != 0) {
    Breach(
        fmt::format("{}: address {:#x} is not a multiple of {}", channel, address, kAxiBeatBytes));
  }
  if (address / kPageBytes != last / kPageBytes) {
    Breach(fmt::format("{}: burst from {:#x} of {} beats crosses 4 KiB", channel, address,
                       length + 1));
  }
  if (length >= options_.max_beats) {
    Breach(fmt::format("{}: burst of {} beats, at most {} are allowed", channel, length + 1,
                       options_.max_beats));
  }
}

void AxiMemory::TakeReadAddress(const AxiMasterSignals& master) {
  CheckBurst("AR", master.ar_address, master.ar_length);
  const int64_t due = Due();
  ++read_bursts_;
  for (uint32_t i = 0; i <= master.ar_length; ++i) {
    const uint64_t address = master.ar_address + uint64_t{i} * kAxiBeatBytes;
    const AxiResponse response = Probe(address, failing_reads_);
    AxiBeat data;
    data.fill(0xDEADDEAD);
    if (response == AxiResponse::kOkay) data = ReadBeat(address);
    reads_.push_back({due, data, response, i == master.ar_length});
  }
}

// Beats belong to addresses in order; which of the two comes first is the master's choice.
void AxiMemory::MatchWrites() {
  while (!write_addresses_.empty() && write_beats_.size() >= write_addresses_.front().beats) {
    const WriteBurst burst = write_addresses_.front();
    write_addresses_.pop_front();
    WriteResponse write = {Due(), burst, {}};
    for (uint32_t i = 0; i < burst.beats; ++i) {
      if (write_beats_.front().last != (i + 1 == burst.beats)) {
        Breach(fmt::format("W: wrong WLAST on beat {} of {}", i, burst.beats));
      }
      write.beats.push_back(write_beats_.front());
      write_beats_.pop_front();
    }
    responses_.push_back(std::move(write));
  }
}

AxiResponse AxiMemory::CarryOut(const WriteResponse& write) {
  AxiResponse response = AxiResponse::kOkay;
  for (size_t i = 0; i < write.beats.size(); ++i) {
    const uint64_t address = write.burst.address + i * kAxiBeatBytes;
    const AxiResponse one = Probe(address, failing_writes_);
    if (one == AxiResponse::kOkay) WriteBeat(address, write.beats[i].data, write.beats[i].strobe);
    response = std::max(response, one);
  }
  return response;
}

AxiResponse AxiMemory::Probe(uint64_t address, const std::set<uint64_t>& failing) const {
  const bool inside = address >= options_.base && address - options_.base < bytes_.size();
  if (!inside) return AxiResponse::kDecodeError;
  return failing.contains(address / kAxiBeatBytes) ? AxiResponse::kSlaveError : AxiResponse::kOkay;
}

int64_t AxiMemory::Due() {
  const int more = options_.jitter > 0 ? static_cast<int>(random_() % (options_.jitter + 1)) : 0;
  return cycle_ + options_.latency + more;
}

void AxiMemory::HealAll() {
  failing_reads_.clear();
  failing_writes_.clear();
}

AxiBeat AxiMemory::ReadBeat(uint64_t address) const {
  AxiBeat beat;
  std::memcpy(beat.data(), bytes_.data() + (address - options_.base), kAxiBeatBytes);
  return beat;
}

void AxiMemory::WriteBeat(uint64_t address, const AxiBeat& beat, uint64_t strobe) {
  std::array<uint8_t, kAxiBeatBytes> from;
  std::memcpy(from.data(), beat.data(), kAxiBeatBytes);
  for (int i = 0; i < kAxiBeatBytes; ++i) {
    if (strobe >> i & 1) bytes_[address - options_.base + i] = from[i];
  }
}

void AxiMemory::Reset() {
  reads_.clear();
  read_bursts_ = 0;
  write_addresses_.clear();
  write_beats_.clear();
  responses_.clear();
  out_ = {};
  before_.reset();
}

bool AxiMemory::idle() const {
  return reads_.empty() && write_addresses_.empty() && write_beats_.empty() && responses_.empty();
}

void AxiMemory::Breach(const std::string& what) {
  report_(fmt::format("cycle {}: {}", cycle_, what));
}

}  // namespace accllm::rtl
