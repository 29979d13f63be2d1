// backoff.h — how long a stream waits before it does something again that did not help.
//
// Threads: none of its own. Ownership: values. Errors: none. Time: `now` of each call.
#pragma once

#include <algorithm>

#include "impl/sync/two_layer/options.h"

namespace prefixmesh::two_layer {

// For what is said again because digests differ: it doubles from a heartbeat up to kDisagreeMax while neither moves.
class RepeatBackoff {
 public:
  Time wait() const { return wait_; }
  void Double() { wait_ = std::min<Time>(2 * wait_, kDisagreeMax); }
  void Reset() { wait_ = kHeartbeat; }

 private:
  Time wait_ = kHeartbeat;
};

// For frames that the transport refused: a peer that does not read fills its queue, and what was refused is not built
// again in every round. The next round tries again; then every other one, and so on, up to a heartbeat.
class SendBackoff {
 public:
  bool Blocked(Time now) const { return now < retry_at_; }
  void OnAccepted() { refusals_ = 0; }
  void OnRefused(Time now, Time round_period) {
    const Time wait = round_period * (1 << std::min(refusals_++, 10)) - round_period / 2;
    retry_at_ = now + std::min<Time>(wait, kHeartbeat);
  }

 private:
  int refusals_ = 0;  // in a row
  Time retry_at_{-1};
};

}  // namespace prefixmesh::two_layer
