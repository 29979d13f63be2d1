#include "impl/router/router_core.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "impl/base/check.h"
#include "impl/base/seeded_bug.h"
#include "impl/router/block_actions.h"
#include "impl/router/text_actions.h"

namespace prefixmesh {
namespace {

std::vector<WorkerIndex> InternOwn(Fleet& fleet, const std::vector<std::string>& names) {
  std::vector<WorkerIndex> workers;
  for (const std::string& name : names) {
    const auto slot = fleet.InternOwn(name);
    PREFIXMESH_CHECK(slot.has_value());  // the caller checked the count
    workers.push_back(*slot);
  }
  return workers;
}

HealthOptions Phased(HealthOptions health, const std::string& router) {
  health.phases = Prng::ForPurpose(1, router).Next();
  return health;
}

StrategySettings SettingsOf(const RouterCoreOptions& options) {
  StrategySettings settings = options.strategy_settings;
  settings.router = options.name;
  settings.incarnation = options.incarnation;
  settings.hash_key_id = HashKeyId(options.trees.hash);
  settings.text_block_bytes = options.trees.hash.text_block_bytes;
  settings.tokens_block_tokens = options.trees.hash.tokens_block_tokens;
  settings.text_eviction_period = options.eviction_period;
  settings.text_chars_max = options.trees.text_chars_max;
  return settings;
}

}  // namespace

RouterCore::RouterCore(RouterCoreOptions options, const RouterEnv& env)
    : options_(std::move(options)),
      env_(env),
      fleet_(options_.peers.size()),
      trees_(options_.trees),
      models_(trees_, fleet_),
      registers_(fleet_, trees_),
      admission_(options_.prompt_bytes_max),
      decider_(options_.policy, Prng::ForPurpose(0, options_.name).Next(), trees_, models_, fleet_),
      own_workers_(InternOwn(fleet_, options_.workers)),
      health_(Phased(options_.health, options_.name), env_.clock, env_.loop, fleet_, own_workers_, env_.workers,
              [this](WorkerIndex worker, const HealthReply& reply) { return OnHealthReply(worker, reply); }) {
  if (options_.trees.source != IndexSource::kRouted) {
    PREFIXMESH_CHECK(env_.events != nullptr);
    std::function<void(WorkerIndex)> cleared;
    if (options_.trees.source == IndexSource::kBoth) cleared = [this](WorkerIndex worker) { OnCleared(worker); };
    kv_feed_ = std::make_unique<KvFeed>(env_.clock, env_.loop, fleet_, trees_.held_index(), *env_.events,
                                        options_.kv_contract, std::move(cleared));
  }
  if (options_.peers.empty() || !options_.strategy.make) return;
  strategy_ = options_.strategy.make(SettingsOf(options_), *this);
  if (BlockIndex* index = trees_.block_index()) {
    actions_ =
        std::make_unique<BlockActions>(fleet_, *index, registers_,
                                       BlockActions::Ask{[this](WorkerIndex worker) { health_.Recheck(worker); },
                                                         [this](WorkerIndex worker) { health_.Suspect(worker); }},
                                       options_.on_applied);
  } else {
    actions_ = std::make_unique<TextActions>(fleet_, trees_);
  }
  mesh_ = std::make_unique<Mesh>(env_.clock, env_.loop, *strategy_, *actions_, options_.peers);
}

RouterCore::~RouterCore() { Stop(); }

void RouterCore::Start(SyncTransport* transport, FrameForm form) {
  if (mesh_ != nullptr) {
    PREFIXMESH_CHECK(transport != nullptr);
    mesh_->Start(*transport, form);
  }
  health_.Start();
  if (kv_feed_ != nullptr) kv_feed_->Start(own_workers_);
  LatelyTick();
  if (options_.policy.policy == "bounded") FreshTick();
  if (options_.trees.kind == IndexKind::kText)
    env_.loop.PostAt(env_.clock.Now() + options_.eviction_period, [this] { EvictionTick(); });
}

void RouterCore::Stop() {
  if (mesh_ != nullptr) mesh_->Stop();
  if (kv_feed_ != nullptr) kv_feed_->Stop();
  health_.Stop();
}

void RouterCore::LatelyTick() {
  fleet_.AgeLately();
  env_.loop.PostAt(env_.clock.Now() + Fleet::kLately / 2, [this] { LatelyTick(); });
}

void RouterCore::FreshTick() {
  fleet_.AgeFresh();
  env_.loop.PostAt(env_.clock.Now() + Fleet::kFresh / 2, [this] { FreshTick(); });
}

void RouterCore::EvictionTick() {
  trees_.EvictAll();
  if (options_.on_evicted) options_.on_evicted();
  env_.loop.PostAt(env_.clock.Now() + options_.eviction_period, [this] { EvictionTick(); });
}

// ---- requests -------------------------------------------------------------------------------------------------------

Result<RouteDecision> RouterCore::Decide(const RouteRequest& request, bool again) {
  if (Status admitted = admission_.Admit(request.prompt->size(), again); !admitted.ok()) return admitted.error();
  Result<RouteDecision> decision = decider_.Decide(request, NextMoment(again), mesh_.get());
  if (decision.ok()) admission_.Begin();
  return decision;
}

Result<RouteDecision> RouterCore::DecideBlocks(const RouteRequest& request, std::span<const NodeId> blocks,
                                               bool again) {
  if (Status admitted = admission_.Admit(request.prompt->size(), again); !admitted.ok()) return admitted.error();
  Result<RouteDecision> decision = decider_.DecideBlocks(request, blocks, NextMoment(again), mesh_.get());
  if (decision.ok()) admission_.Begin();
  return decision;
}

Decider::Moment RouterCore::NextMoment(bool again) {
  if (!again) bursts_.Note(env_.clock.Now());
  return {env_.random.Next(), bursts_.size()};
}

void RouterCore::OnReply(WorkerIndex worker, Incarnation incarnation) {
  if (!registers_.Accept(incarnation)) return;
  if (Seeded(Bug::kcore_reply_ignored)) return health_.NoteReply(worker);
  RaiseRegister(worker, incarnation);
  if (incarnation < fleet_.incarnation(worker)) return health_.NotifyRegister(worker);
  health_.NoteReply(worker);
}

void RouterCore::Finish(WorkerIndex worker, Forwarded forwarded, std::uint32_t expectation) {
  if (expectation != 0) {
    const Time until = env_.clock.Now() + (forwarded == Forwarded::kServed ? kReportWithin : Time(0));
    env_.loop.PostAt(until, [this, expectation] { trees_.held_index()->Forget(expectation); });
  }
  const bool reached = forwarded != Forwarded::kUnreached;
  if (forwarded != Forwarded::kServed) fleet_.NoteFailure(worker);
  const bool was_healthy = fleet_.healthy(worker);
  if (!reached) fleet_.SetHealthy(worker, false);  // before peers can hear that one request is less
  if (!Seeded(Bug::kcore_in_flight_lost) || reached) fleet_.EndRequest(worker);
  admission_.End();
  if (reached || !was_healthy) return;
  LogOfWorker(worker, "is unhealthy: a request broke off", true);
}

// ---- workers --------------------------------------------------------------------------------------------------------

bool RouterCore::OnHealthReply(WorkerIndex worker, const HealthReply& reply) {
  if (!registers_.Accept(reply.incarnation)) return false;
  RaiseRegister(worker, reply.incarnation);
  models_.Offer(env_.clock.Now(), worker, reply.models);
  fleet_.SetTold(worker, reply.slots, reply.requests);
  return true;
}

void RouterCore::OnRemoval(WorkerIndex worker, Removal removal) {
  if (!registers_.Accept(removal.worker_incarnation)) return;
  RaiseRegister(worker, removal.worker_incarnation);
  if (removal.worker_incarnation < fleet_.incarnation(worker) && !Seeded(Bug::kremoval_of_former_life)) {
    stale_removals_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  removal.worker_name = fleet_.name(worker);
  if (!removal.everything) {
    const auto scope = trees_.Find(removal.model, removal.kind);
    if (scope == nullptr) return;  // nobody serves it any more
    const Slices bytes(AsBytes(removal.prompt));
    scope->tree->RemovePrefix({removal.kind, &bytes, removal.blocks, scope->slot}, worker);
    if (mesh_ != nullptr) mesh_->OfferRemoval(std::move(removal));
    return;
  }
  trees_.RemoveWorker(worker);
  if (mesh_ == nullptr) return;
  for (std::string& model : models_.OfferedBy(worker)) {
    removal.model = std::move(model);
    mesh_->OfferRemoval(removal);
  }
}

void RouterCore::OnCleared(WorkerIndex worker) {
  Removal removal;
  removal.everything = true;
  removal.worker_incarnation = fleet_.incarnation(worker);
  OnRemoval(worker, std::move(removal));
}

void RouterCore::RaiseRegister(WorkerIndex worker, Incarnation incarnation) {
  if (registers_.Raise(worker, incarnation) == RegisterChange::kNewIncarnation)
    LogOfWorker(
        worker,
        trees_.held_index() != nullptr ? "has a new incarnation" : "has a new incarnation: its prefixes are evicted",
        false);
}

// A worker can cause as many of them as it likes: one line of a kind in ten seconds.
void RouterCore::LogOfWorker(WorkerIndex worker, const char* what, bool warn) {
  MutexLock lock(worker_log_mutex_);
  const std::string& name = fleet_.name(worker);
  if (const auto held_back = worker_log_.Allow(name + what, env_.clock.Now()))
    spdlog::log(warn ? spdlog::level::warn : spdlog::level::info, "worker {} {}{}", name, what,
                HeldBackNote(*held_back));
}

// ---- what the strategy may read -------------------------------------------------------------------------------------

std::span<const WorkerLoad> RouterCore::Workers() const {
  workers_scratch_.clear();
  for (const WorkerIndex worker : own_workers_)
    workers_scratch_.push_back({fleet_.name(worker), fleet_.incarnation(worker), fleet_.own_in_flight(worker),
                                !fleet_.healthy(worker) && fleet_.incarnation(worker) > Incarnation{0}});
  return workers_scratch_;
}

void RouterCore::SnapshotTextTrees(std::string_view model, SnapshotSink sink) const {
  prefixmesh::SnapshotTextTrees(trees_, fleet_, model, sink);
}

}  // namespace prefixmesh
