#include "impl/node/router_node.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "impl/base/check.h"
#include "impl/node/block_actions.h"
#include "impl/node/text_actions.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {

RouterNode::RouterNode(RouterOptions options)
    : options_(std::move(options)),
      random_(Prng::ForPurpose(options_.seed, "route " + options_.name).Next()),
      fleet_(options_.sync.peers.size()),
      trees_(options_.trees),
      models_(trees_, fleet_),
      in_flight_bytes_(options_.in_flight_bytes_max) {
  for (const WorkerAddress& worker : options_.workers) {
    const auto slot = fleet_.InternOwn(worker.name);
    PREFIXMESH_CHECK(slot.has_value());  // the app checked the count
    channels_.Add(*slot, worker.address);
    own_workers_.push_back(*slot);
  }
  greeter_ = std::make_unique<WorkerGreeter>(
      options_.greeter, clock_, loop_, fleet_, own_workers_,
      [this](WorkerIndex worker, Incarnation registered, WorkerGreeter::Answer answer) {
        channels_.Hello(worker, options_.name, registered, options_.hello_timeout,
                        [this, answer = std::move(answer)](Result<WorkerGreeting> greeting) {
                          if (greeting.ok() && !Possible(greeting->incarnation))
                            greeting = Error{ErrorCode::kCorrupt, "its incarnation cannot be"};
                          answer(greeting);
                        });
      },
      [this](WorkerIndex worker, const WorkerGreeting& greeting) { Greeted(worker, greeting); });
  StrategySettings settings = options_.strategy_settings;
  settings.router = options_.name;
  settings.incarnation = Incarnation{NewIncarnation()};
  settings.hash_key_id = HashKeyId(options_.trees.hash);
  settings.text_block_bytes = options_.trees.hash.text_block_bytes;
  settings.tokens_block_tokens = options_.trees.hash.tokens_block_tokens;
  settings.text_eviction_period = options_.eviction_period;
  settings.text_chars_max = options_.trees.text_chars_max;
  strategy_ = MakeStrategy(options_.strategy, settings, *this);
  if (strategy_ == nullptr || options_.sync.peers.empty()) return;
  std::vector<std::string> peers;
  for (const SyncPeerAddress& peer : options_.sync.peers) peers.push_back(peer.name);
  if (BlockIndex* index = trees_.block_index()) {
    actions_ = std::make_unique<BlockActions>(fleet_, *index, [this](WorkerIndex worker) { greeter_->Check(worker); });
  } else {
    actions_ = std::make_unique<TextActions>(fleet_, trees_);
  }
  mesh_ = std::make_unique<Mesh>(clock_, loop_, *strategy_, *actions_, std::move(peers));
  SyncTransportOptions sync = options_.sync;
  const StrategyTraits& traits = strategy_->traits();
  sync.router = options_.name;
  sync.incarnation = settings.incarnation;
  sync.strategy = options_.strategy;
  sync.limits = options_.limits;
  sync.queue_frames = traits.queue_frames;
  sync.queue_bytes = traits.queue_bytes;
  sync.frame_bytes = traits.frame_bytes;
  transport_ = std::make_unique<GrpcSyncTransport>(std::move(sync), clock_, loop_, *mesh_);
}

RouterNode::~RouterNode() { Stop(); }

Status RouterNode::Start() {
  if (transport_ != nullptr) {
    loop_.Post([this] { mesh_->Start(*transport_, FrameForm::kGzipped); });  // before any event of a stream
    if (Status started = transport_->Start(); !started.ok()) return started;
  }
  greeter_->Start();
  loop_.PostAt(clock_.Now() + options_.log_period, [this] { LogBeat(); });
  if (options_.trees.kind == IndexKind::kText)
    loop_.PostAt(clock_.Now() + options_.eviction_period, [this] { EvictionBeat(); });
  return {};
}

std::vector<std::string> RouterNode::SilentWorkers(Time patience) {
  std::vector<std::string> silent;
  for (const WorkerIndex worker : greeter_->WaitForAll(clock_.Now() + patience))
    for (std::size_t i = 0; i < own_workers_.size(); ++i)
      if (own_workers_[i] == worker) silent.push_back(options_.workers[i].name + "=" + options_.workers[i].address);
  return silent;
}

void RouterNode::Stop() {
  if (stopping_.exchange(true)) return;
  if (mesh_ != nullptr) mesh_->Stop();
  if (transport_ != nullptr) transport_->Shutdown();
  loop_.Stop();
  greeter_->Stop();
}

// ---- requests -------------------------------------------------------------------------------------------------------

bool RouterNode::TakeRetry() {
  if (!retries_.TakeRetry()) return false;
  retried_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

Result<RouteDecision> RouterNode::Decide(const RouteRequest& request, bool again) {
  if (!again) retries_.NoteRequest();
  const Time started = clock_.Now(), cpu_started = ThreadCpuNow();
  if (request.prompt->size() > options_.limits.prompt_bytes)
    return Error{ErrorCode::kTooBig, "the prompt has " + std::to_string(request.prompt->size()) +
                                         " bytes; this router takes " + std::to_string(options_.limits.prompt_bytes)};
  Result<RouteDecision> decision = decider_.Decide(request, started, random_.Next(), mesh_.get());
  if (!decision.ok()) return decision;
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  const Time cpu = ThreadCpuNow() - cpu_started, wall = clock_.Now() - started;
  MutexLock lock(figures_mutex_);
  decision_ns_.Record(static_cast<std::uint64_t>(wall.count()));
  decision_cpu_ns_.Record(static_cast<std::uint64_t>(cpu.count()));
  decision_cpu_phase_ns_.Record(static_cast<std::uint64_t>(cpu.count()));
  ++decisions_[static_cast<std::size_t>(decision->reason)];
  return decision;
}

void RouterNode::Finished(const RouteDecision& decision, bool reached) {
  const WorkerIndex worker = decision.worker;
  fleet_.EndRequest(worker);
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (!reached && fleet_.healthy(worker)) {
    fleet_.SetHealthy(worker, false);
    SayOfWorker(worker, "is unhealthy: a request broke off", true);
  }
}

// A worker can cause as many of them as it likes: one line of a kind in ten seconds.
void RouterNode::SayOfWorker(WorkerIndex worker, const char* what, bool warn) {
  MutexLock lock(worker_log_mutex_);
  const std::string& name = fleet_.name(worker);
  if (const auto held_back = worker_log_.Allow(name + what, clock_.Now()))
    spdlog::log(warn ? spdlog::level::warn : spdlog::level::info, "worker {} {}{}", name, what,
                HeldBackNote(*held_back));
}

// What cannot be an incarnation changes nothing: as an answer to a hello it is a miss, in a reply it is not heard.
bool RouterNode::Possible(Incarnation incarnation) {
  if (incarnation <= kWorkerIncarnationMax) return true;
  incarnations_refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void RouterNode::SawIncarnation(WorkerIndex worker, Incarnation incarnation) {
  if (!Possible(incarnation)) return;
  RaiseRegister(worker, incarnation);
  if (incarnation < fleet_.incarnation(worker)) return greeter_->Tell(worker);
  greeter_->Heard(worker);
}

void RouterNode::RaiseRegister(WorkerIndex worker, Incarnation incarnation) {
  const RegisterChange change = fleet_.RaiseIncarnation(worker, incarnation);
  if (change == RegisterChange::kNone) return;
  // A new life of the worker: its cache is empty, so nothing that was known of it holds. The register rises first: a
  // placement that is decided meanwhile is announced as the new life's, and at worst forgotten here.
  if (change == RegisterChange::kNewLife)
    SayOfWorker(worker, "has a new incarnation: its prefixes are forgotten", false);
  trees_.RaiseIncarnation(worker, incarnation, change == RegisterChange::kFirst);
}

// ---- workers --------------------------------------------------------------------------------------------------------

void RouterNode::Greeted(WorkerIndex worker, const WorkerGreeting& greeting) {
  RaiseRegister(worker, greeting.incarnation);
  models_.Offer(clock_.Now(), worker, greeting.models);
}

// ---- what the strategy may read -------------------------------------------------------------------------------------

std::span<const WorkerLoad> RouterNode::Workers() const {
  workers_scratch_.clear();
  for (const WorkerIndex worker : own_workers_)
    workers_scratch_.push_back({fleet_.name(worker), fleet_.incarnation(worker), fleet_.own_in_flight(worker)});
  return workers_scratch_;
}

void RouterNode::SnapshotTextTrees(std::string_view model, SnapshotSink sink) const {
  prefixmesh::SnapshotTextTrees(trees_, fleet_, model, sink);
}

// ---- probes ---------------------------------------------------------------------------------------------------------

std::uint32_t RouterNode::BlockBytes(Kind kind) const {
  return kind == Kind::kText ? options_.trees.hash.text_block_bytes
                             : options_.trees.hash.tokens_block_tokens * static_cast<std::uint32_t>(kBytesPerToken);
}

std::uint32_t RouterNode::DepthOf(const TreeScope& scope, const Prompt& prompt, WorkerIndex worker) const {
  std::vector<WorkerPrefix> depths;
  scope.tree->Depths(prompt, depths);
  for (const WorkerPrefix& depth : depths)
    if (depth.worker == worker) return static_cast<std::uint32_t>(depth.bytes / BlockBytes(scope.kind));
  return 0;
}

void RouterNode::Probe(const RouteRequest& request, std::string worker,
                       std::function<void(const v1::ProbeReply&)> done) {
  v1::ProbeReply reply;
  const std::shared_ptr<const TreeScope> scope = trees_.Find(request.model, request.kind);
  if (scope == nullptr) return done(reply);
  std::vector<NodeId> blocks;
  scope->hasher.Hash(*request.prompt, blocks);
  reply.set_prompt_blocks(static_cast<std::uint32_t>(blocks.size()));
  std::vector<WorkerPrefix> depths;
  scope->tree->Depths({request.kind, request.prompt, blocks}, depths);
  bool full = false;
  for (const WorkerPrefix& depth : depths) {
    const std::string& name = fleet_.name(depth.worker);
    if (!worker.empty() && name != worker) continue;
    v1::WorkerDepth* entry = reply.add_workers();
    entry->set_worker(name);
    entry->set_depth_blocks(static_cast<std::uint32_t>(depth.bytes / BlockBytes(request.kind)));
    full = full || (name == worker && entry->depth_blocks() >= blocks.size());
  }
  // Whether the record is kept is only a question when the index does not answer in full for one named worker.
  if (worker.empty() || full || blocks.empty() || mesh_ == nullptr || !strategy_->traits().keeps_records)
    return done(reply);
  loop_.Post([this, reply, worker = std::move(worker), model = std::string(request.model), kind = request.kind,
              leaf = blocks.back(), done = std::move(done)]() mutable {
    const bool held = strategy_->Holds(model, kind, leaf, worker);
    if (held && reply.workers().empty()) reply.add_workers()->set_worker(worker);
    if (!reply.workers().empty()) reply.mutable_workers(0)->set_held(held);
    done(reply);
  });
}

std::uint64_t RouterNode::ProbeOpen(const RouteRequest& request) {
  OpenProbe probe;
  probe.scope = trees_.Find(request.model, request.kind);
  probe.prompt_bytes = request.prompt->size();
  if (probe.scope != nullptr) probe.scope->hasher.Hash(*request.prompt, probe.blocks);
  if (options_.trees.kind == IndexKind::kText) request.prompt->CopyTo(probe.text);
  MutexLock lock(probes_mutex_);
  probe.handle = next_probe_++;
  probe_bytes_ += probe.bytes();
  probes_.push_back(std::move(probe));
  while (probes_.size() > kProbesMax || (probe_bytes_ > kProbeBytesMax && probes_.size() > 1)) {
    probe_bytes_ -= probes_.front().bytes();
    probes_.pop_front();
  }
  return probes_.back().handle;
}

Result<std::pair<std::uint32_t, std::uint32_t>> RouterNode::ProbePoll(std::uint64_t handle, std::string_view worker) {
  MutexLock lock(probes_mutex_);
  const auto at = std::lower_bound(probes_.begin(), probes_.end(), handle,
                                   [](const OpenProbe& probe, std::uint64_t want) { return probe.handle < want; });
  if (at == probes_.end() || at->handle != handle) return Error{ErrorCode::kNotFound, "no such probe handle"};
  const auto blocks = static_cast<std::uint32_t>(at->blocks.size());
  const auto slot = fleet_.Find(worker);
  if (at->scope == nullptr || !slot) return std::pair(blocks, 0u);
  const Slices text(AsBytes(at->text));
  return std::pair(blocks, DepthOf(*at->scope, {at->scope->kind, &text, at->blocks}, *slot));
}

void RouterNode::ProbeClose(std::uint64_t handle) {
  MutexLock lock(probes_mutex_);
  const auto at = std::lower_bound(probes_.begin(), probes_.end(), handle,
                                   [](const OpenProbe& probe, std::uint64_t want) { return probe.handle < want; });
  if (at == probes_.end() || at->handle != handle) return;
  probe_bytes_ -= at->bytes();
  probes_.erase(at);
}

}  // namespace prefixmesh
