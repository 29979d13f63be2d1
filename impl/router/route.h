// route.h — a request as the router decides on it, and the decision.
//
// Threads: values. Ownership: a request is borrowed for the call; a decision's worker_name lives as long as the router.
// Units: bytes. Errors, time, bounds: none.
#pragma once

#include <cstdint>
#include <string_view>

#include "impl/base/ids.h"
#include "impl/base/slices.h"
#include "impl/route/policy.h"

namespace prefixmesh {

struct RouteRequest {
  std::string_view model;
  Kind kind = Kind::kText;
  const Slices* prompt = nullptr;
  // They keep prompts apart that are equal otherwise; where the index is of blocks.
  std::string_view lora = {}, salt = {};
};

// What became of a request at its worker.
enum class Forwarded : std::uint8_t {
  kServed,    // or refused for a reason that is the client's
  kFailed,    // refused for one that is the worker's
  kUnreached  // it could not be reached, or broke off
};

struct RouteDecision {
  WorkerIndex worker;
  std::string_view worker_name;
  DecisionReason reason = DecisionReason::kNone;
  bool inserted = false;  // the index has this placement now
  std::uint64_t matched_bytes = 0;
  std::uint32_t expectation = 0;  // in the held index, until the request is over
};

}  // namespace prefixmesh
