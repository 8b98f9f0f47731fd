// Facts about this process and machine, for reports.
#pragma once

#include <cstdint>
#include <string>

namespace accllm {

// Resident memory of this process now, in bytes; 0 if the system does not tell.
int64_t ResidentBytes();

// The largest resident memory of this process so far, in bytes.
int64_t PeakResidentBytes();

// From now on up to a gigabyte of freed memory stays with the process. Float matrices of training
// and calibration come and go by the megabyte; each time from the system, clearing their pages
// takes up to half of the time.
void KeepFreedMemory();

// The CPU's model name and the number of CPUs this process may use.
std::string MachineName();

// Seconds on a monotonic clock.
double MonotonicSeconds();

}  // namespace accllm
