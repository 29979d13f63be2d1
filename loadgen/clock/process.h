// process.h — the clock, the sleep and the resource readings of a load-side process; nobody else here touches them.
//
// Threads: any. Time: CLOCK_MONOTONIC, so offsets of two processes on one machine agree. Errors: none; a reading that
// the kernel does not give is 0.
#pragma once

#include <cstdint>

#include "impl/env/env.h"

namespace prefixmesh::load {

class MonotonicClock final : public Clock {
 public:
  Time Now() const override;
};

// Sleeps to an absolute time of MonotonicClock; returns at once when it has passed.
void SleepUntil(Time when);

// Timer slack of the calling thread down to 1 ns: the default of 50 µs is what a bare sleep is late by.
void UseMinimalTimerSlack();

// The calling thread runs as soon as it is due (SCHED_RR, else nice -10), so that a busy router on the same cores
// cannot delay the generator; the thread itself needs next to nothing. False without the right to either: then the
// schedule delay shows what it cost.
bool PreferThisThread();

struct ProcessUsage {
  double cpu_s = 0;  // user and system, all threads
  std::uint64_t rss_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;  // VmHWM
};
ProcessUsage ReadProcessUsage();

// The wall clock, for gRPC deadlines only.
std::int64_t WallClockNs();

}  // namespace prefixmesh::load
