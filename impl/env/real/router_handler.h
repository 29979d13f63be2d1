// router_handler.h — what the gRPC servers of a router ask of it; node/ implements it.
//
// Threads: every method is called on gRPC threads, several at once, and must not block. Ownership: requests are
// borrowed for the call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/env/byte_budget.h"
#include "impl/figures/router_report.h"
#include "impl/router/route.h"
#include "impl/wire/request_view.h"

namespace prefixmesh {

namespace v1 {
class PickReply;
class PickReport;
class ProbeReply;
class HeldBlocks;
class HeldRequest;
class SyncPositions;
}  // namespace v1

inline RouteRequest RouteRequestOf(const RequestView& view) {
  return {view.model, view.kind, &view.prompt, view.lora, view.salt};
}

class RouterHandler {
 public:
  virtual ~RouterHandler() = default;

  // What requests that came and are not answered may take.
  virtual ByteBudget& in_flight() = 0;

  // RouterCore::Decide.
  virtual Result<RouteDecision> Decide(const RouteRequest& request, bool again) = 0;
  // RouterCore::Finish.
  virtual void Finished(const RouteDecision& decision, Forwarded forwarded) = 0;
  // Whether one more request may be placed again; counts it.
  virtual bool TakeRetry() = 0;
  // A reply showed this incarnation.
  virtual void SawIncarnation(WorkerIndex worker, Incarnation incarnation) = 0;

  // A choice that the caller carries out, and what became of it (prefixmesh.proto). Errors: Decide's, kExhausted;
  // kNotFound: no such lease; kInvalid: no such state.
  virtual Status Pick(const RouteRequest& request, v1::PickReply& reply) = 0;
  virtual Status PickReported(const v1::PickReport& report) = 0;

  // Answers through `done`, possibly on another thread.
  virtual void Probe(const RouteRequest& request, std::string worker,
                     std::function<void(const v1::ProbeReply&)> done) = 0;
  virtual std::uint64_t ProbeOpen(const RouteRequest& request) = 0;
  // Depth in whole blocks that `worker` is believed to hold; {blocks of the prompt, depth}. kNotFound: no such handle.
  virtual Result<std::pair<std::uint32_t, std::uint32_t>> ProbePoll(std::uint64_t handle, std::string_view worker) = 0;
  virtual void ProbeClose(std::uint64_t handle) = 0;

  virtual RouterReport Report() = 0;
  virtual void BeginPhase(std::string_view phase) = 0;
  virtual void Held(const v1::HeldRequest& request, v1::HeldBlocks& held) = 0;
  // Answers through `done`, possibly on another thread.
  virtual void Positions(std::function<void(const v1::SyncPositions&)> done) = 0;
};

}  // namespace prefixmesh
