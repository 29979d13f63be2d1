// picks.h — choices that a gateway carries out itself (Pick and Report of prefixmesh.proto), as leases.
//
// Threads: any; leases end on the loop, once a second while there are any. Ownership: borrows core, clock and loop.
// Errors: kExhausted, kNotFound for a lease that is none or is over, kInvalid for a state that is none. Bounds:
// PickLeases'. Time: through Clock and Executor.
#pragma once

#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/router/pick_leases.h"
#include "impl/router/router_core.h"

namespace prefixmesh {

namespace v1 {
class PickReply;
class PickReport;
}  // namespace v1

class Picks {
 public:
  Picks(RouterCore& core, Clock& clock, Executor& loop, std::uint64_t first_lease)
      : core_(core), clock_(clock), loop_(loop), leases_(first_lease) {}

  // Of a decision that counts as in flight; with an error it no longer does.
  Status Begin(const RouteDecision& decision, v1::PickReply& reply);
  Status Report(const v1::PickReport& report);

  struct Figures {
    std::uint64_t open = 0;
    std::uint64_t expired = 0;  // whose time was over before it was said what became of them
  };
  Figures figures() const;

 private:
  void Tick();

  RouterCore& core_;
  Clock& clock_;
  Executor& loop_;
  mutable Mutex mutex_;
  PickLeases leases_ PREFIXMESH_GUARDED_BY(mutex_);
  bool ticking_ PREFIXMESH_GUARDED_BY(mutex_) = false;
};

}  // namespace prefixmesh
