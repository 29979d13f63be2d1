// repair.h — pulls what is known to exist and does not come, and keeps leases alive that are needed. pulls.h decides;
// here is gathered what it decides by, and kept what is outstanding.
//
// Threads: mesh loop. Ownership: borrows the host, which must outlive it. Time: `now` of each call. Errors: none.
// Bounds: one pull per log. While nothing is lacking nothing is gathered.
#pragma once

#include <map>
#include <vector>

#include "impl/sync/actions.h"
#include "impl/sync/two_layer/host.h"
#include "impl/sync/two_layer/pulls.h"

namespace prefixmesh::two_layer {

class Repair {
 public:
  explicit Repair(Host& host) : host_(host) {}

  // Once a round, and when a peer said where it stands.
  void Run(Time now, Actions& actions);

 private:
  PullState StateOf(Time now, const Log& log, const PendingPull* pending);

  Host& host_;
  std::map<OriginKey, PendingPull> pending_;
  std::vector<PullState::Source> sources_;  // of the log in hand
};

}  // namespace prefixmesh::two_layer
