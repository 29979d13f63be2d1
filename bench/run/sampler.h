// sampler.h — reads the processes of a run once a second: memory, CPU, sync counters. Everything over time in a result
// comes from here.
//
// Threads: one; Sample is called from the run's loop and takes a few milliseconds (it asks all routers at once), or the
// client's deadline when one does not answer. Time: seconds since Begin. Bounds: one row a second. Errors: what was not
// answered is nothing, never zero and never the row before.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "bench/result/write/sample.h"
#include "bench/run/agreement.h"
#include "bench/run/cluster.h"

namespace prefixmesh::bench {

class Sampler {
 public:
  // Where routers believe workers, also how far that is what those hold.
  explicit Sampler(Cluster& cluster) : cluster_(cluster), compares_(cluster.believes_workers()) {}

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
  // The longest that a sample was late because this process did not run: what was read at the end of a phase may be,
  // too.
  double late_s() const { return late_s_; }
  std::chrono::steady_clock::time_point begin() const { return begin_; }

 private:
  void Compare(Sample& sample);

  Cluster& cluster_;
  const bool compares_;
  Agreement agreement_;
  std::chrono::steady_clock::time_point begin_;
  double next_s_ = 0;
  double free_since_s_ = 0;  // the routers have answered, or not
  double late_s_ = 0;
  std::vector<Sample> samples_;
  std::vector<std::optional<LastTold>> last_told_;
};

}  // namespace prefixmesh::bench
