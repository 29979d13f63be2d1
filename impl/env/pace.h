// pace.h — how often something may happen: a rate with a burst, kept as one instant (the generic cell rate algorithm).
//
// Each caller reserves a place and waits for its time. Those who share a pace are served in the order they came, so
// none of them can keep another out by asking more often.
//
// Threads: none of its own. Time: comes in. Bounds, ownership: a value. Errors: none.
#pragma once

#include <algorithm>
#include <cstdint>

#include "impl/env/env.h"

namespace prefixmesh {

class Pace {
 public:
  // `burst`: how many may come at once.
  Pace(std::uint64_t per_second, std::uint64_t burst) : interval_(std::chrono::seconds(1)), burst_(0) {
    interval_ /= static_cast<std::int64_t>(per_second);
    burst_ = interval_ * static_cast<std::int64_t>(burst);
  }

  // Takes `count` places in line; returns when the last of them has its turn: now or earlier while the burst lasts.
  Time Reserve(Time now, std::uint32_t count = 1) {
    taken_until_ = std::max(taken_until_, now) + interval_ * count;
    return taken_until_ - burst_;
  }

 private:
  Time interval_, burst_;
  Time taken_until_{0};
};

}  // namespace prefixmesh
