// router_core.h — start here for what a router does: everything between a request's prompt and the worker it goes to,
// without a process around it. The router process wires gRPC to it (impl/node), the simulators virtual time
// (bench/sim): what is simulated is what runs.
//
//   request thread:  Decide → Admission, Decider: hash, match and insert, ChooseWorker, Mesh::Offer (decider.h)
//                    OnReply, Finish: what became of it
//   any thread:      OnRemoval: what a worker dropped → trees, Mesh::OfferRemoval
//   mesh loop:       strategy actions → BlockActions or TextActions → trees, fleet; health ticks; eviction
//   both:            Fleet (loads, health), the trees' own locks; nothing else is shared (docs/walk.md)
//
// Threads:  as above; Start on the mesh loop before any event of it, Stop from any thread.
// Ownership: owns its parts; borrows the environment, which outlives it and must have ended its callbacks first.
// Time:     through Clock and Executor only. Errors: Decide's. Bounds: those of its parts.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/env/worker_transport.h"
#include "impl/kvevents/kv_source.h"
#include "impl/mesh/mesh.h"
#include "impl/route/bursts.h"
#include "impl/route/fleet.h"
#include "impl/router/admission.h"
#include "impl/router/decider.h"
#include "impl/router/kv_feed.h"
#include "impl/router/model_table.h"
#include "impl/router/route.h"
#include "impl/router/strategies.h"
#include "impl/router/tree_set.h"
#include "impl/router/worker_health.h"
#include "impl/router/worker_registers.h"
#include "impl/sync/removal.h"

namespace prefixmesh {

// What a router is driven through. The transport to peers comes with Start.
struct RouterEnv {
  Clock& clock;
  Executor& loop;
  Random& random;    // breaks ties; may be seeded
  Random& identity;  // makes incarnations: never the same twice, across all routers of all times
  WorkerTransport& workers;
  kvevents::KvSource* events = nullptr;  // where the index's source is events
};

struct RouterCoreOptions {
  std::string name;
  Incarnation incarnation;
  StrategyDescription strategy;
  std::vector<std::string> workers;  // own: those that this router checks and may choose; at most Fleet::kWorkersMax
  std::vector<std::string> peers;    // in PeerIndex order; without any there is no sync
  TreeSetOptions trees;
  PolicyOptions policy;
  StrategySettings strategy_settings;  // name, incarnation and what concerns the trees are filled in
  HealthOptions health;
  kvevents::Contract kv_contract = kvevents::Contract::kV3;
  std::uint64_t prompt_bytes_max = 2u << 20;
  // The generations' trees are evicted on this tick; the block index stays in budget by itself.
  Time eviction_period = std::chrono::seconds(120);
  // After each eviction tick. Mesh loop.
  std::function<void()> on_evicted = {};
  // After each ApplyIds, own ones included. Mesh loop.
  std::function<void(const ApplyIds&)> on_applied = {};
};

class RouterCore final : private TextTreeView {
 public:
  RouterCore(RouterCoreOptions options, const RouterEnv& env);
  ~RouterCore() override;

  // Checks the workers, and evicts. With `transport` (where has_sync) sync begins; it must be good until Stop.
  void Start(SyncTransport* transport, FrameForm form);
  // Nothing is sent any more, whatever waits. Idempotent.
  void Stop();

  // Chooses a worker and counts the request as in flight there until Finish. `again`: the worker that it was placed at
  // before is gone. kNotFound: no such model; kUnavailable: no healthy worker; kTooBig: the prompt is above the limit.
  Result<RouteDecision> Decide(const RouteRequest& request, bool again);
  // The same for a prompt of which the ids of its whole blocks are known.
  Result<RouteDecision> DecideBlocks(const RouteRequest& request, std::span<const NodeId> blocks, bool again);
  // A reply of the worker showed this incarnation.
  void OnReply(WorkerIndex worker, Incarnation incarnation);
  // This own worker says that it dropped a prefix, or everything (then the model is left empty: it is all that the
  // worker serves). This router's index forgets that, and the strategy is told; worker_name is filled in. A higher
  // incarnation raises the register first, as a reply's does; under a lower one nothing changes, and it is counted.
  void OnRemoval(WorkerIndex worker, Removal removal);
  // The request is over. A worker that was not reached is unhealthy until it replies. With KV events, what is expected
  // of a worker that served it is believed for kReportWithin more.
  void Finish(WorkerIndex worker, Forwarded forwarded, std::uint32_t expectation = 0);
  static constexpr Time kReportWithin = std::chrono::seconds(2);
  bool TakeRetry() { return admission_.TakeRetry(); }

  const RouterCoreOptions& options() const { return options_; }
  const std::vector<WorkerIndex>& own_workers() const { return own_workers_; }
  // Of the own workers, those that never replied.
  std::vector<WorkerIndex> SilentWorkers() const { return health_.Silent(); }
  bool has_sync() const { return mesh_ != nullptr; }
  // Null without sync.
  Mesh* mesh() { return mesh_.get(); }
  const Mesh* mesh() const { return mesh_.get(); }
  const SyncStrategy* strategy() const { return strategy_.get(); }
  Fleet& fleet() { return fleet_; }
  const Fleet& fleet() const { return fleet_; }
  TreeSet& trees() { return trees_; }
  const TreeSet& trees() const { return trees_; }
  const ModelTable& models() const { return models_; }
  const Admission& admission() const { return admission_; }
  // Null without KV events.
  const KvFeed* kv_feed() const { return kv_feed_.get(); }
  // Removals of former incarnations, ever.
  std::uint64_t stale_removals() const { return stale_removals_.load(std::memory_order_relaxed); }
  const WorkerRegisters& registers() const { return registers_; }

 private:
  // TextTreeView
  std::span<const WorkerLoad> Workers() const override;
  std::uint64_t WorkersVersion() const override { return fleet_.version(); }
  std::size_t PeerCount() const override { return options_.peers.size(); }
  std::string_view PeerName(PeerIndex peer) const override { return options_.peers[peer.value]; }
  Incarnation NewIncarnation() const override { return Incarnation{env_.identity.Next()}; }
  void SnapshotTextTrees(std::string_view model, SnapshotSink sink) const override;

  Decider::Moment NextMoment(bool again);
  bool OnHealthReply(WorkerIndex worker, const HealthReply& reply);
  // The worker says so itself, or began anew.
  void OnCleared(WorkerIndex worker);
  void RaiseRegister(WorkerIndex worker, Incarnation incarnation);
  void LogOfWorker(WorkerIndex worker, const char* what, bool warn);
  void EvictionTick();
  void LatelyTick();
  void FreshTick();

  const RouterCoreOptions options_;
  const RouterEnv env_;
  Fleet fleet_;
  TreeSet trees_;
  ModelTable models_;
  WorkerRegisters registers_;
  Admission admission_;
  Bursts bursts_;
  Decider decider_;
  std::vector<WorkerIndex> own_workers_;  // constant after construction
  WorkerHealthChecker health_;
  std::unique_ptr<SyncStrategy> strategy_;  // null without sync
  std::unique_ptr<MeshSink> actions_;
  std::unique_ptr<Mesh> mesh_;
  std::unique_ptr<KvFeed> kv_feed_;                  // null without KV events
  mutable std::vector<WorkerLoad> workers_scratch_;  // mesh loop
  std::atomic<std::uint64_t> stale_removals_{0};

  Mutex worker_log_mutex_;
  LogLimiter worker_log_ PREFIXMESH_GUARDED_BY(worker_log_mutex_);  // by worker and line
};

}  // namespace prefixmesh
