#include "impl/node/router_node.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "impl/base/check.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

bool HasEngines(const RouterOptions& options) {
  return !options.workers.empty() && !options.workers.front().engine.publisher.empty();
}

}  // namespace

RouterNode::RouterNode(RouterOptions options)
    : options_(std::move(options)),
      random_(Prng::ForPurpose(options_.seed, "route " + options_.name).Next()),
      channels_(GrpcWorkerChannels::Make(options_.name, options_.health_timeout)),
      core_options_(CoreOptions()),
      engines_(HasEngines(options_) ? ZmqKvSource::Make({.hash = core_options_.trees.hash,
                                                         .model = options_.engine_model,
                                                         .engines = options_.workers.size()},
                                                        clock_, loop_)
                                    : nullptr),
      grpc_events_(core_options_.trees.source != IndexSource::kRouted && engines_ == nullptr
                       ? MakeGrpcKvSource(options_.name, HashKeyId(core_options_.trees.hash), *channels_, clock_, loop_)
                       : nullptr),
      core_(core_options_,
            RouterEnv{clock_, loop_, random_, identity_, *channels_,
                      engines_ != nullptr ? static_cast<kvevents::KvSource*>(engines_.get()) : grpc_events_.get()}),
      probes_(core_, loop_),
      picks_(core_, clock_, loop_, identity_.Next() >> 1),
      in_flight_bytes_(options_.in_flight_bytes_max) {
  for (std::size_t i = 0; i < options_.workers.size(); ++i) {
    channels_->Add(core_.own_workers()[i], options_.workers[i].address);
    if (engines_ != nullptr) engines_->Add(core_.own_workers()[i], options_.workers[i].engine);
  }
  if (!core_.has_sync()) return;
  SyncTransportOptions sync = options_.sync;
  const StrategyTraits& traits = core_.strategy()->traits();
  sync.router = options_.name;
  sync.incarnation = core_.options().incarnation;
  sync.strategy = options_.strategy;
  sync.limits = options_.limits;
  sync.queue_frames = traits.queue_frames;
  sync.queue_bytes = traits.queue_bytes;
  sync.frame_bytes = traits.frame_bytes;
  transport_ = GrpcSyncTransport::Make(std::move(sync), clock_, loop_, *core_.mesh());
}

RouterNode::~RouterNode() { Stop(); }

RouterCoreOptions RouterNode::CoreOptions() {
  RouterCoreOptions core;
  core.name = options_.name;
  core.incarnation = Incarnation{identity_.Next()};
  // The app checked both.
  PREFIXMESH_CHECK(Apply(options_.settings, *FindStrategy(options_.strategy), core).ok());
  core.trees.hash.seed = options_.hash_seed;
  for (const WorkerAddress& worker : options_.workers) core.workers.push_back(worker.name);
  for (const SyncPeerAddress& peer : options_.sync.peers) core.peers.push_back(peer.name);
  core.health = options_.health;
  core.on_evicted = [this] { LogSizes("eviction pass"); };
  return core;
}

Status RouterNode::Start() {
  loop_.Post([this] { core_.Start(transport_.get(), FrameForm::kGzipped); });  // before any event of a stream
  if (transport_ != nullptr)
    if (Status started = transport_->Start(); !started.ok()) return started;
  loop_.PostAt(clock_.Now() + options_.log_period, [this] { LogTick(); });
  return {};
}

std::vector<std::string> RouterNode::SilentWorkers() const {
  std::vector<std::string> silent;
  for (const WorkerIndex worker : core_.SilentWorkers())
    silent.push_back(core_.fleet().name(worker) + "=" + AddressOf(worker));
  return silent;
}

const std::string& RouterNode::AddressOf(WorkerIndex own) const {
  const std::vector<WorkerIndex>& workers = core_.own_workers();  // in the order of the options
  const auto at = std::find(workers.begin(), workers.end(), own);
  return options_.workers[static_cast<std::size_t>(at - workers.begin())].address;
}

void RouterNode::Stop() {
  if (stopped_) return;
  stopped_ = true;
  core_.Stop();
  if (transport_ != nullptr) transport_->Shutdown();
  loop_.Stop();
  channels_->Stop();
}

Result<RouteDecision> RouterNode::Decide(const RouteRequest& request, bool again) {
  const Time started = clock_.Now(), cpu_started = ThreadCpuNow();
  Result<RouteDecision> decision = core_.Decide(request, again);
  if (!decision.ok()) return decision;
  const Time cpu = ThreadCpuNow() - cpu_started, wall = clock_.Now() - started;
  MutexLock lock(figures_mutex_);
  decision_ns_.Record(static_cast<std::uint64_t>(wall.count()));
  decision_cpu_ns_.Record(static_cast<std::uint64_t>(cpu.count()));
  decision_cpu_phase_ns_.Record(static_cast<std::uint64_t>(cpu.count()));
  ++decisions_[static_cast<std::size_t>(decision->reason)];
  return decision;
}

Status RouterNode::Pick(const RouteRequest& request, v1::PickReply& reply) {
  const Result<RouteDecision> decision = Decide(request, false);
  if (!decision.ok()) return decision.error();
  reply.set_address(AddressOf(decision->worker));
  return picks_.Begin(*decision, reply);
}

void RouterNode::Held(const v1::HeldRequest& request, v1::HeldBlocks& held) {
  if (core_.trees().held_index() == nullptr) return;
  const HeldIndex& index = *core_.trees().held_index();
  std::map<std::string_view, std::vector<NodeId>> given;
  for (const v1::SampledBlocks& sample : request.samples())
    for (const std::uint64_t id : sample.ids()) given[sample.worker()].push_back({id});
  for (const WorkerIndex worker : core_.own_workers()) {
    v1::HeldByWorker& entry = *held.add_workers();
    entry.set_worker(core_.fleet().name(worker));
    const std::size_t found = index.CountHeld(given[entry.worker()], worker);
    const BlockSum sum = index.SumOf(worker);  // a little later
    entry.set_blocks(sum.blocks);
    entry.set_ids(sum.ids);
    entry.set_sampled(sum.sampled);
    entry.set_found(std::min<std::uint64_t>(found, sum.sampled));
  }
}

}  // namespace prefixmesh
