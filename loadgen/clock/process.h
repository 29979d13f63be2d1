// process.h — the sleep, the priority and the resource readings of a load-side process; nobody else here touches them.
//
// Threads: any. Time: that of RealClock, so offsets of two processes on one machine agree. Errors: none; a reading that
// the kernel does not give is 0.
#pragma once

#include <cstdint>

#include "impl/env/real/real_env.h"

namespace prefixmesh::load {

// Sleeps to an absolute time of RealClock; returns at once when it has passed.
void SleepUntil(Time when);

// Timer slack of the calling thread down to 1 ns: the default of 50 µs is what a bare sleep is late by.
void UseMinimalTimerSlack();

// The calling thread runs as soon as it is due (SCHED_RR, else nice -10), so that a busy router on the same cores
// cannot delay the generator; the thread itself needs next to nothing. Threads that it starts are ordinary ones: a
// library's, spinning for a lock whose holder waits for a core, would else keep all cores from it. False without the
// right to either: then the schedule delay shows what it cost.
bool PreferThisThread();

struct ProcessUsage {
  double cpu_s = 0;  // user and system, all threads
  std::uint64_t rss_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;  // VmHWM
};
ProcessUsage ReadProcessUsage();

// The wall clock: what a later life of a process reads is greater.
std::int64_t WallClockNs();

}  // namespace prefixmesh::load
