// routed_message.h — a decision as clients are told it.
//
// Threads: pure. Ownership: copies. Errors, time, bounds: none.
#pragma once

#include <string>

#include "impl/router/route.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {

inline v1::Routed RoutedOf(const RouteDecision& decision) {
  v1::Routed routed;
  routed.set_worker(std::string(decision.worker_name));
  routed.set_reason(static_cast<v1::DecisionReason>(decision.reason));
  routed.set_inserted(decision.inserted);
  routed.set_matched_bytes(decision.matched_bytes);
  return routed;
}

}  // namespace prefixmesh
