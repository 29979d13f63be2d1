// redial.h — when a peer is dialed again, by how the last stream to it ended.
//
//   unreached, replaced, broken   100 ms, then twice as long each time, 1 s at most: it is there again any moment
//   refused                       the same up to 30 s: the two do not fit, and somebody has to change a setting
//
// A stream that stayed up for 5 s did fit: the next one begins at 100 ms.
//
// Threads: one. Time: only as arguments. Ownership: values. Errors: none.
#pragma once

#include <algorithm>

#include "impl/env/env.h"

namespace prefixmesh {

class Redial {
 public:
  static constexpr Time kFirst = std::chrono::milliseconds(100);
  static constexpr Time kSoonMax = std::chrono::seconds(1), kRefusedMax = std::chrono::seconds(30);
  static constexpr Time kStableMin = std::chrono::seconds(5);
  enum class Ending : std::uint8_t { kUnreached, kReplaced, kBroken, kRefused };

  // How long to wait. `up_for`: zero if it never was up.
  Time After(Ending ending, Time up_for) {
    if (up_for >= kStableMin) next_ = kFirst;
    const Time longest = ending == Ending::kRefused ? kRefusedMax : kSoonMax, wait = std::min(next_, longest);
    next_ = std::min(wait * 2, longest);
    return wait;
  }

 private:
  Time next_ = kFirst;
};

}  // namespace prefixmesh
