// machine_floor.h — what this machine takes for work that no router can do without: one pass of XXH3 over a prompt of
// 80,000 bytes that no cache holds. The floor of bench_micro, so a time measured on one machine can be promised as a
// multiple of it on another.
//
// Threads: the caller's. Units: microseconds. Takes about a tenth of a second. Bounds: 64 MB, given back.
#pragma once

namespace prefixmesh::bench {

struct MachineFloor {
  double p50_us = 0;
  double p99_us = 0;
};
MachineFloor MeasureMachineFloor();

}  // namespace prefixmesh::bench
