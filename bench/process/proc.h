// proc.h — what /proc says of a process and of the machine. Threads: any. Errors: nullopt where the process is gone;
// nothing else is expected to fail. Bytes and seconds throughout.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace prefixmesh::bench {

struct ProcessMemory {
  std::uint64_t rss_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;  // VmHWM
};
std::optional<ProcessMemory> ReadMemory(pid_t pid);
// Proportional set size, from smaps_rollup: shared pages are split among those who share them. Slower than ReadMemory.
std::optional<std::uint64_t> ReadPss(pid_t pid);
// VmHWM starts again from the present RSS. False when the kernel does not let us.
bool ResetPeak(pid_t pid);
// User and system time.
std::optional<double> ReadCpuSeconds(pid_t pid);

struct Machine {
  std::string cpu;
  unsigned cores = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::string kernel;
};
Machine ReadMachine();

// How long a loop of fixed work takes, over a quarter of a second: a noisy neighbour widens p99 over p50.
struct SpinNoise {
  double p50_us = 0;
  double p99_us = 0;
};
SpinNoise MeasureSpinNoise();

}  // namespace prefixmesh::bench
