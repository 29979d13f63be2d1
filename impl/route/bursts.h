// bursts.h — in what bursts requests come to this router: the mean size, 1 when each comes by itself.
//
// A request belongs to the burst of the one before when it comes sooner after it than a tenth of the mean time between
// requests. Of arrivals by chance (Poisson) a tenth does: a size of 1.1. Both means are exponential, over about kOver
// requests; a pause counts as at most kPauseMax times the mean, so that it does not make all that follows a burst.
//
// Threads: any; two that note at once may lose one of them. Units: requests. Time: the caller's, rising. Ownership:
// values. Errors, bounds: none.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

namespace prefixmesh {

class Bursts {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr double kOver = 32, kPauseMax = 100, kSizeMax = 32;

  void Note(Time now) {
    const Time last = last_.exchange(now, std::memory_order_relaxed);
    if (last < Time{0} || now < last) return;
    const auto gap = static_cast<double>((now - last).count());
    const double mean = mean_gap_.load(std::memory_order_relaxed);
    if (mean <= 0) return mean_gap_.store(gap, std::memory_order_relaxed);
    mean_gap_.store(mean + (std::min(gap, kPauseMax * mean) - mean) / kOver, std::memory_order_relaxed);
    const double together = together_.load(std::memory_order_relaxed);
    together_.store(together + ((gap < mean / 10 ? 1 : 0) - together) / kOver, std::memory_order_relaxed);
  }
  double size() const { return 1 / std::max(1 - together_.load(std::memory_order_relaxed), 1 / kSizeMax); }

 private:
  std::atomic<Time> last_{Time{-1}};
  std::atomic<double> mean_gap_{0}, together_{0};  // ns, share
};

}  // namespace prefixmesh
