// router_node.h — start here for a router as a process: the router core (impl/router) over threads, gRPC and the
// machine's clock, and what only a process has, which are figures of time, probes and log lines.
//
// Threads:  RouterHandler from gRPC threads; Start and Stop on one, before and after all others.
// Bounds:   the core's, the probes'; bodies of requests options.in_flight_bytes_max.
// Ownership: owns all of it. Errors: Start's. Time: through Env.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/histogram.h"
#include "impl/base/mutex.h"
#include "impl/env/byte_budget.h"
#include "impl/env/real/grpc_kv_source.h"
#include "impl/env/real/grpc_sync_transport.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/env/real/port_limits.h"
#include "impl/env/real/real_env.h"
#include "impl/env/real/router_handler.h"
#include "impl/env/real/zmq_kv_source.h"
#include "impl/node/picks.h"
#include "impl/node/probes.h"
#include "impl/router/router_core.h"
#include "impl/router/router_settings.h"

namespace prefixmesh {

struct WorkerAddress {
  std::string name;
  std::string address;
  EngineAddress engine = {};  // where its KV events come from, all workers' or none's; empty: from the worker itself
};

struct RouterOptions {
  std::string name;
  std::string strategy = "two-layer";  // settings fit it: Apply (router_settings.h) takes them
  RouterSettings settings;
  std::vector<WorkerAddress> workers;
  std::string engine_model;     // of workers that have an engine's address
  SyncTransportOptions sync;    // listen and peers; the rest comes from the strategy's traits
  std::uint64_t hash_seed = 0;  // of the block hash, a secret of the cluster
  std::uint64_t seed = 1;
  HealthOptions health;
  // Below health.period, so that every tick checks again.
  Time health_timeout = std::chrono::milliseconds(900);
  Time log_period = std::chrono::seconds(60);
  PortLimits limits;  // prompt_bytes comes from the settings
  // Requests that came and are not answered: their bodies, and RequestPort::kCallBytes each; what would go above it is
  // refused.
  std::uint64_t in_flight_bytes_max = 256u << 20;
};

class RouterNode final : public RouterHandler {
 public:
  explicit RouterNode(RouterOptions options);
  ~RouterNode() override;

  // Checks the workers and starts the sync streams. kUnavailable: the sync port cannot be listened on.
  Status Start();
  // Those that have not answered yet, NAME=HOST:PORT. They are checked again and again meanwhile.
  std::vector<std::string> SilentWorkers() const;
  // Of what the workers said so far.
  bool Serves(std::string_view model) const { return core_.models().Find(model) != nullptr; }
  // Where peers reach this router; 0: it has none.
  std::uint16_t sync_port() const { return transport_ != nullptr ? transport_->port() : 0; }
  void Stop();

  GrpcWorkerChannels& channels() { return *channels_; }
  Clock& clock() { return clock_; }
  Executor& loop() { return loop_; }

  // RouterHandler
  ByteBudget& in_flight() override { return in_flight_bytes_; }
  Result<RouteDecision> Decide(const RouteRequest& request, bool again) override;
  bool TakeRetry() override { return core_.TakeRetry(); }
  void Finished(const RouteDecision& decision, Forwarded forwarded) override {
    core_.Finish(decision.worker, forwarded, decision.expectation);
  }
  void SawIncarnation(WorkerIndex worker, Incarnation incarnation) override { core_.OnReply(worker, incarnation); }
  Status Pick(const RouteRequest& request, v1::PickReply& reply) override;
  Status PickReported(const v1::PickReport& report) override { return picks_.Report(report); }
  void Probe(const RouteRequest& request, std::string worker,
             std::function<void(const v1::ProbeReply&)> done) override {
    probes_.Ask(request, std::move(worker), std::move(done));
  }
  std::uint64_t ProbeOpen(const RouteRequest& request) override { return probes_.Open(request); }
  Result<std::pair<std::uint32_t, std::uint32_t>> ProbePoll(std::uint64_t handle, std::string_view worker) override {
    return probes_.Poll(handle, worker);
  }
  void ProbeClose(std::uint64_t handle) override { probes_.Close(handle); }
  RouterReport Report() override;
  void BeginPhase(std::string_view phase) override;
  void Held(const v1::HeldRequest& request, v1::HeldBlocks& held) override;
  void Positions(std::function<void(const v1::SyncPositions&)> done) override;

 private:
  RouterCoreOptions CoreOptions();
  const std::string& AddressOf(WorkerIndex own) const;
  void LogTick();
  void ReadSync(Readings& out);
  void ReadKvEvents(Readings& out) const;
  void LogSizes(const char* occasion);

  const RouterOptions options_;
  RealClock clock_;
  RealRandom random_;
  ProcessIdentity identity_;
  LoopThread loop_;
  const std::unique_ptr<GrpcWorkerChannels> channels_;
  const RouterCoreOptions core_options_;
  // At most one, and none without KV events.
  const std::unique_ptr<ZmqKvSource> engines_;
  const std::unique_ptr<kvevents::KvSource> grpc_events_;
  RouterCore core_;
  Probes probes_;
  Picks picks_;
  std::unique_ptr<GrpcSyncTransport> transport_;  // null without sync
  ByteBudget in_flight_bytes_;
  bool stopped_ = false;

  Mutex figures_mutex_;
  Histogram decision_ns_ PREFIXMESH_GUARDED_BY(figures_mutex_);
  Histogram decision_cpu_ns_ PREFIXMESH_GUARDED_BY(figures_mutex_);
  Histogram decision_cpu_phase_ns_ PREFIXMESH_GUARDED_BY(figures_mutex_);  // since the last BeginPhase
  std::array<std::uint64_t, kDecisionReasonCount> decisions_ PREFIXMESH_GUARDED_BY(figures_mutex_){};
};

}  // namespace prefixmesh
