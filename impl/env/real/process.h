// process.h — what every process of the project does at its start: allocator policy, signals, dying with its parent.
//
// Threads: call from main before any other thread exists. Errors: none that a caller could act on.
#pragma once

#include <cstdint>
#include <optional>

#include "impl/env/env.h"

namespace prefixmesh {

// One arena and a 64 KiB mmap threshold: with glibc's defaults, 80 KB bodies that share a heap with small long-lived
// nodes keep about seven times the live bytes. Recorded in every result as build.allocator.
void ApplyAllocatorPolicy();
const char* AllocatorPolicyName();
// The kernel gets back what the allocator holds free. Allocation stands still meanwhile: milliseconds, so for rare
// uses.
void ReturnFreedMemory();

// A write beyond the file size limit (ulimit -f) fails like one to a full disk, and does not end the process.
void FileLimitIsAnError();

// Raises the limit on open descriptors to `count` as far as it may be raised; returns what it is then.
std::uint64_t RaiseDescriptorLimit(std::uint64_t count);

// SIGINT and SIGTERM wake the waiter instead of ending the process. Blocks them in every thread started afterwards;
// a write to a pipe that nobody reads fails from now on, and does not end the process.
class ShutdownSignal {
 public:
  ShutdownSignal();
  // True when a signal came, false when `longest` was over.
  bool Wait(Time longest);
  void Wait();
};

// What is resident now; nullopt where the kernel does not tell.
std::optional<std::uint64_t> ResidentBytes();
// The most that was resident since the start or the last reset (VmHWM); nullopt where the kernel does not tell.
std::optional<std::uint64_t> PeakResidentBytes();

// VmHWM starts again from what is resident now. Memory of the start-up is not part of a peak.
void ResetPeakRss();

}  // namespace prefixmesh
