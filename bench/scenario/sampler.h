// sampler.h — reads the processes of a run once a second: memory, CPU, sync counters. Everything over time in a result
// comes from here.
//
// Threads: one; Sample is called from the run's loop and takes a few milliseconds (it asks all routers at once), or the
// client's deadline when one does not answer. Time: seconds since Begin. Bounds: one row a second. Errors: what was not
// answered is nothing, never zero and never the row before.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/scenario/cluster.h"

namespace prefixmesh::bench {

struct RouterCounters {
  double at_s = 0;  // when this router answered
  std::uint64_t built_bytes = 0;
  std::uint64_t wire_bytes = 0;  // sent at its sync sockets
  std::uint64_t news_bytes = 0;  // built, other than digests: those flow at rest, too
  std::uint64_t records = 0;     // received
  std::uint64_t in_flight = 0;
  std::optional<std::uint64_t> delivered_bytes;    // received from it by its peers; known when all of them answered
  std::optional<std::uint64_t> rounds_ended = {};  // nothing: there are no rounds
  std::uint64_t oversize = 0;                      // of any kind, since it began
  struct Buffer {
    std::uint64_t bytes = 0, entries = 0;
  };
  std::map<std::string, Buffer> buffers = {};  // of the strategy, by name: eight at most
  std::uint64_t index_bytes = 0;

  // What the router itself accounts for: its index and the strategy's buffers.
  std::uint64_t AccountedBytes() const;
};
// But for delivered_bytes, which its peers say.
RouterCounters CountersOf(const Readings& readings, double at_s);

struct RouterSample {
  std::optional<std::uint64_t> rss_bytes;  // nothing: the process is gone, or has not joined yet
  std::optional<RouterCounters> counters;  // nothing: no answer
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
  // `raw`, if given, gets what each router answered, empty where it did not.
  Sample SampleNow(std::vector<RouterReport>* raw = nullptr);

  const std::vector<Sample>& samples() const { return samples_; }
  // What each router told when it last answered, and when that was; nothing of one that never did.
  struct LastTold {
    double t_s = 0;
    RouterReport report;
  };
  const std::vector<std::optional<LastTold>>& last_told() const { return last_told_; }
  double elapsed_s() const;
  std::chrono::steady_clock::time_point begin() const { return begin_; }

 private:
  Cluster& cluster_;
  std::chrono::steady_clock::time_point begin_;
  double next_s_ = 0;
  std::vector<Sample> samples_;
  std::vector<std::optional<LastTold>> last_told_;
};

}  // namespace prefixmesh::bench
