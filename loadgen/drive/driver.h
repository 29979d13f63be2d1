// driver.h — start here for the load while it runs: a pacing thread, gRPC's threads for the answers, one record each.
//
//   plan ─► pacing thread ─► Router.Generate ─► Routed, FirstToken, Finished ─► recorder + request log
//
// Threads: Start spawns the pacing thread; replies arrive on gRPC's; everything public is callable from one other
// thread. Time: nanoseconds from the epoch given to Start. Ownership: plan, log and listener are borrowed and must
// outlive the driver. Errors: Connect names the router that does not answer; afterwards a failed request is a counted
// outcome. Bounds: no limit on requests in flight, on purpose (a limit would couple the load to the server); each ends
// by load.timeout_s.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/recorder.h"
#include "loadgen/record/request_log.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

struct RouterAddress {
  std::string name;
  std::string address;  // host:port
  // It starts during the load: nobody waits for it before, and what is sent to it waits until it answers.
  bool late = false;
};

// Hears where sampled requests went. Called on gRPC threads; must not block.
class PlacedListener {
 public:
  virtual ~PlacedListener() = default;
  // Whether this request is sampled. Before it is sent; constant.
  virtual bool Samples(std::size_t index) const = 0;
  // `at` is from the epoch. `inserted`: the router's index learned the placement.
  virtual void OnPlaced(std::size_t index, const std::string& worker, bool inserted, Time at) = 0;
};

struct DriverFailure {
  std::string router;
  std::string status;  // gRPC's name of the code
  std::string message;
  std::uint64_t requests = 0;
};

struct DriverProgress {
  std::uint64_t sent = 0, ok = 0, failed = 0, in_flight = 0;
  std::uint64_t dropped = 0;
  SendSecond send;  // of the second asked for
  ReplySecond reply;
};

class Driver {
 public:
  // Channels to all routers, connected within `timeout` or an error.
  static Result<std::unique_ptr<Driver>> Connect(const Plan& plan, const Settings& settings,
                                                 const std::vector<RouterAddress>& routers, RequestLog& log,
                                                 Time timeout);
  virtual ~Driver() = default;

  // Must be called before Start, if at all.
  virtual void SetListener(PlacedListener* listener) = 0;
  virtual void Start(Time epoch) = 0;
  // Waits until every request that was sent has ended and none will be sent any more, or until `deadline` (of
  // RealClock). True when done.
  virtual bool WaitDone(Time deadline) = 0;
  // Cancels what is still in flight; WaitDone then returns soon.
  virtual void CancelAll() = 0;

  virtual DriverProgress Progress(std::size_t second) const = 0;
  // Failures since the last call, one row per router and status.
  virtual std::vector<DriverFailure> TakeFailures() = 0;
  // Copies; complete once WaitDone was true.
  virtual SendRecorder Sends() const = 0;
  virtual ReplyRecorder Replies() const = 0;
  // Names by the worker numbers of the records.
  virtual std::vector<std::string> WorkerNames() const = 0;
};

}  // namespace prefixmesh::load
