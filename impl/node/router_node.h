// router_node.h — a router put together: the only place that knows all parts.
//
//   request thread:  Decide → Decider: hash, match and insert, ChooseWorker, Mesh::Offer (decider.h)
//   mesh loop:       strategy actions → BlockActions or TextActions → tree, fleet
//   both:            Fleet (loads, health), the trees' own locks; nothing else is shared (docs/walk.md)
//
// Threads:  RouterHandler from gRPC threads, TextTreeView from the mesh loop.
// Bounds:   probe handles kProbesMax and kProbeBytesMax, the oldest goes first; prompts options.limits.prompt_bytes.
// Ownership: borrows Env parts and channels; Start and Stop bracket everything. Time: through Env.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/histogram.h"
#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/env/byte_budget.h"
#include "impl/env/real/grpc_sync_transport.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/env/real/port_limits.h"
#include "impl/env/real/real_env.h"
#include "impl/env/real/router_handler.h"
#include "impl/mesh/mesh.h"
#include "impl/node/decider.h"
#include "impl/node/model_table.h"
#include "impl/node/strategies.h"
#include "impl/node/tree_set.h"
#include "impl/node/worker_greeter.h"
#include "impl/route/fleet.h"
#include "impl/route/retry_budget.h"

namespace prefixmesh {

struct WorkerAddress {
  std::string name;
  std::string address;
};

struct RouterOptions {
  std::string name;
  std::string strategy = "two-layer";
  std::vector<WorkerAddress> workers;
  TreeSetOptions trees;
  PolicyOptions policy;
  StrategySettings strategy_settings;
  SyncTransportOptions sync;  // listen and peers; the rest comes from the strategy's traits
  std::uint64_t seed = 1;
  GreeterOptions greeter;
  // Below greeter.period, so that every beat asks again.
  Time hello_timeout = std::chrono::milliseconds(900);
  // The generations' trees are evicted on this beat; the block index stays in budget by itself.
  Time eviction_period = std::chrono::seconds(120);
  Time log_period = std::chrono::seconds(60);
  PortLimits limits;
  // Requests that came and are not answered: their bodies, and RequestPort::kCallBytes each; what would go above it is
  // refused.
  std::uint64_t in_flight_bytes_max = 256u << 20;
};

class RouterNode final : public RouterHandler, public TextTreeView {
 public:
  static constexpr std::size_t kProbesMax = 4096;
  static constexpr std::size_t kProbeBytesMax = 64u << 20;

  explicit RouterNode(RouterOptions options);
  ~RouterNode() override;

  // Greets the workers and starts the sync streams. Waits until every worker answered once or `patience` is over; those
  // that are not there yet are greeted again and again meanwhile.
  // kUnavailable: the sync port cannot be listened on.
  Status Start();
  // Those that have not answered yet, NAME=HOST:PORT; waits up to `patience` until there are none.
  std::vector<std::string> SilentWorkers(Time patience);
  // Where peers reach this router; 0: it has none.
  std::uint16_t sync_port() const { return transport_ != nullptr ? transport_->port() : 0; }
  void Stop();

  GrpcWorkerChannels& channels() { return channels_; }
  Clock& clock() { return clock_; }
  Executor& loop() { return loop_; }

  // RouterHandler
  ByteBudget& in_flight() override { return in_flight_bytes_; }
  Result<RouteDecision> Decide(const RouteRequest& request, bool again) override;
  bool TakeRetry() override;
  void Finished(const RouteDecision& decision, bool reached) override;
  void SawIncarnation(WorkerIndex worker, Incarnation incarnation) override;
  void Probe(const RouteRequest& request, std::string worker, std::function<void(const v1::ProbeReply&)> done) override;
  std::uint64_t ProbeOpen(const RouteRequest& request) override;
  Result<std::pair<std::uint32_t, std::uint32_t>> ProbePoll(std::uint64_t handle, std::string_view worker) override;
  void ProbeClose(std::uint64_t handle) override;
  RouterReport Report() override;
  void BeginPhase(std::string_view phase) override;
  void Positions(std::function<void(const v1::SyncPositions&)> done) override;

  // TextTreeView
  std::span<const WorkerLoad> Workers() const override;
  std::uint64_t WorkersVersion() const override { return fleet_.version(); }
  std::size_t PeerCount() const override { return options_.sync.peers.size(); }
  std::string_view PeerName(PeerIndex peer) const override { return options_.sync.peers[peer.value].name; }
  Incarnation NewIncarnation() const override { return Incarnation{prefixmesh::NewIncarnation()}; }
  void SnapshotTextTrees(std::string_view model, SnapshotSink sink) const override;

 private:
  struct OpenProbe {
    std::uint64_t handle = 0;
    std::shared_ptr<const TreeScope> scope;
    std::vector<NodeId> blocks;
    std::string text;  // text trees only
    std::uint64_t prompt_bytes = 0;
    std::size_t bytes() const { return blocks.size() * sizeof(NodeId) + text.size() + sizeof(OpenProbe); }
  };

  void Greeted(WorkerIndex worker, const WorkerGreeting& greeting);
  bool Possible(Incarnation incarnation);
  void RaiseRegister(WorkerIndex worker, Incarnation incarnation);
  void SayOfWorker(WorkerIndex worker, const char* what, bool warn);
  void EvictionBeat();
  void LogBeat();
  void ReadSync(Readings& out);
  void LogSizes(const char* occasion);
  std::uint32_t BlockBytes(Kind kind) const;
  std::uint32_t DepthOf(const TreeScope& scope, const Prompt& prompt, WorkerIndex worker) const;

  const RouterOptions options_;
  RealClock clock_;
  RealRandom random_;
  LoopThread loop_;
  Fleet fleet_;
  TreeSet trees_;
  ModelTable models_;
  Decider decider_{options_.policy, trees_, models_, fleet_};
  GrpcWorkerChannels channels_;
  std::unique_ptr<WorkerGreeter> greeter_;
  std::unique_ptr<SyncStrategy> strategy_;  // null for `off`
  std::unique_ptr<MeshSink> actions_;
  std::unique_ptr<Mesh> mesh_;
  std::unique_ptr<GrpcSyncTransport> transport_;
  std::atomic<bool> stopping_{false};
  Mutex worker_log_mutex_;
  LogLimiter worker_log_ PREFIXMESH_GUARDED_BY(worker_log_mutex_);  // by worker and line

  std::vector<WorkerIndex> own_workers_;             // those with an address, constant after construction
  mutable std::vector<WorkerLoad> workers_scratch_;  // mesh loop

  Mutex figures_mutex_;
  Histogram decision_ns_ PREFIXMESH_GUARDED_BY(figures_mutex_);
  Histogram decision_cpu_ns_ PREFIXMESH_GUARDED_BY(figures_mutex_);
  Histogram decision_cpu_phase_ns_ PREFIXMESH_GUARDED_BY(figures_mutex_);  // since the last BeginPhase
  std::array<std::uint64_t, kDecisionReasonCount> decisions_ PREFIXMESH_GUARDED_BY(figures_mutex_){};
  ByteBudget in_flight_bytes_;
  std::atomic<std::uint64_t> in_flight_{0}, retried_{0};
  RetryBudget retries_;
  std::atomic<std::uint64_t> incarnations_refused_{0};

  Mutex probes_mutex_;
  std::deque<OpenProbe> probes_ PREFIXMESH_GUARDED_BY(probes_mutex_);
  std::size_t probe_bytes_ PREFIXMESH_GUARDED_BY(probes_mutex_) = 0;
  std::uint64_t next_probe_ PREFIXMESH_GUARDED_BY(probes_mutex_) = 1;
};

}  // namespace prefixmesh
