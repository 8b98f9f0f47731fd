// Facts about this process and machine, for reports.
#pragma once

#include <cstdint>
#include <string>

namespace accllm {

// Resident memory of this process now, in bytes; 0 if the system does not tell.
int64_t ResidentBytes();

// The largest resident memory of this process so far, in bytes.
int64_t PeakResidentBytes();

// The CPU's model name and the number of CPUs this process may use.
std::string MachineName();

// Seconds on a monotonic clock.
double MonotonicSeconds();

}  // namespace accllm
