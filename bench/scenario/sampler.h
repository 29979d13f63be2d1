// sampler.h — reads the processes of a run once a second: memory, CPU, sync counters. Everything over time in a result
// comes from here.
//
// Threads: one; Sample is called from the run's loop and takes a few milliseconds (it asks each router once). Time:
// seconds since Begin. Bounds: one row a second. Errors: a row without a router's answer repeats its last counters.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/scenario/cluster.h"

namespace prefixmesh::bench {

struct RouterSample {
  std::uint64_t rss_bytes = 0;
  std::uint64_t built_bytes = 0;
  std::uint64_t delivered_bytes = 0;  // what its peers confirm to have received from it
  std::uint64_t wire_bytes = 0;       // sent at its sync sockets
  std::uint64_t news_bytes = 0;       // built, other than digests: those flow at rest, too
  std::uint64_t records = 0;          // received
  std::uint64_t in_flight = 0;
};

struct Sample {
  double t_s = 0;
  std::vector<RouterSample> routers;
};

class Sampler {
 public:
  explicit Sampler(Cluster& cluster) : cluster_(cluster) {}

  void Begin();  // t_s = 0 is now
  // Takes a sample when a second has passed since the last one; true when it did.
  bool SampleIfDue();
  Sample SampleNow();

  const std::vector<Sample>& samples() const { return samples_; }
  double elapsed_s() const;

 private:
  Cluster& cluster_;
  std::chrono::steady_clock::time_point begin_;
  double next_s_ = 0;
  std::vector<Sample> samples_;
};

}  // namespace prefixmesh::bench
