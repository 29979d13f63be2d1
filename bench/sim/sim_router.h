// sim_router.h — one incarnation of one router: the router core over a simulated Env, and what becomes of its requests
// at simulated workers. What the router process has beside the core (gRPC, threads, figures of time) is not here.
//
// A request that is placed at a worker that is up has its first token after 1 ms and ends after 60 ms; one at a worker
// that is down, or restarts meanwhile, breaks off, and is placed once more as the process does (generate_call.cc).
//
// Threads: one. Ownership: borrows world, network and workers. Errors: a placement that the core refuses, or that no
// worker served, is nothing. Time: virtual. Bounds: the core's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/sim/sim_workers.h"
#include "impl/base/function_ref.h"
#include "impl/env/sim/sim_env.h"
#include "impl/router/router_core.h"

namespace prefixmesh::sim {

inline Time Seconds(double value) { return Time(static_cast<Time::rep>(value * 1e9)); }

// Names sort as numbers do, up to a thousand.
std::string RouterName(std::size_t node);

class SimRouter final : private WorkerTransport {
 public:
  struct Parameters {
    std::size_t node = 0;
    std::size_t nodes = 0;
    Incarnation incarnation;
    Time clock_offset{0};
    double clock_rate = 1;
    std::uint64_t seed = 0;
    double foreign = 0;  // share of the workers that are not this router's own
    bool lies = false;   // believes in incarnations that its workers never had
  };

  // Of `options` name, incarnation, workers and peers are filled in.
  SimRouter(RouterCoreOptions options, const Parameters& parameters, SimWorld& world, SimNetwork& network,
            SimWorkers& workers);
  ~SimRouter() override;

  // Serves one request: the worker that it was placed at in the end, if any.
  std::optional<WorkerIndex> Place(std::string_view model, std::string_view text);
  std::optional<WorkerIndex> Place(std::string_view model, Kind kind, std::span<const NodeId> blocks);

  // This worker says that it dropped something; nothing if it is not this router's own. Checked at once: the index
  // knows of it no more, or of a former incarnation's as much as before.
  void Remove(std::size_t number, Removal removal);
  // The newest prefixes of block ids that were removed and not placed at the worker since.
  const std::deque<std::pair<WorkerIndex, Removal>>& removed() const { return removed_; }
  // How much of this prefix the index has for the worker, in bytes.
  std::uint64_t HeldBytes(WorkerIndex worker, const Removal& prefix) const;

  // Nothing runs here before `until` (world time).
  void PauseUntil(Time until);
  bool paused() const { return executor_.paused(); }
  // It runs without a break since.
  Time running_since() const { return running_since_; }

  RouterCore& core() { return core_; }
  const RouterCore& core() const { return core_; }
  MeshStats stats() const { return core_.has_sync() ? core_.mesh()->Stats() : MeshStats{}; }
  StrategyReport report() const { return core_.has_sync() ? core_.strategy()->Report() : StrategyReport{}; }

  // The number of the worker at this slot; nothing if it is not this router's own.
  std::optional<std::size_t> NumberOf(WorkerIndex worker) const;
  // Requests under way there, counted here.
  std::uint32_t in_flight(WorkerIndex worker) const { return in_flight_[worker.value]; }
  bool lies() const { return parameters_.lies; }
  // The first decision that broke a rule; empty: none did.
  const std::string& broken() const { return broken_; }

 private:
  using Decision = FunctionRef<Result<RouteDecision>(bool again)>;
  static constexpr std::size_t kRemovedMax = 64;

  void CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) override;
  // `placed` is told of every worker that the prompt was placed at.
  std::optional<WorkerIndex> Serve(Decision decide, FunctionRef<void(WorkerIndex)> placed);
  void Take(WorkerIndex worker, const Removal& removal);
  // The index has some of it for the worker, or all of the prefix.
  bool Has(WorkerIndex worker, const Removal& removal);
  void Break(const std::string& what);
  void Forward(WorkerIndex worker);
  void End(WorkerIndex worker, bool reached);
  SimWorker& At(WorkerIndex worker) { return workers_.all[*NumberOf(worker)]; }
  Incarnation IncarnationOf(WorkerIndex worker);

  const Parameters parameters_;
  SimWorld& world_;
  SimNetwork& network_;
  SimWorkers& workers_;
  const std::vector<std::size_t> own_;  // numbers of the own workers
  SimClock clock_;
  SimRandom random_, identity_;
  SimExecutor executor_;
  RouterCore core_;
  Time running_since_;
  std::uint64_t lies_ = 0;
  std::vector<std::uint32_t> in_flight_;  // by worker
  std::deque<std::pair<WorkerIndex, Removal>> removed_;
  std::string broken_;
};

}  // namespace prefixmesh::sim
