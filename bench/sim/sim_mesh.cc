#include "bench/sim/sim_mesh.h"

#include <algorithm>

#include "impl/sync/two_layer/two_layer.h"

namespace prefixmesh::sim {
namespace {

constexpr std::uint16_t kScopes = 4;  // two models, two kinds
constexpr std::uint32_t kBlockBytes = 256;

SimNetworkOptions NetworkOptions(const Swarm& swarm) {
  SimNetworkOptions options;
  options.delay_mean = Seconds(swarm.delay_ms / 1e3);
  options.delay_min = options.delay_mean / 10;
  options.queue_frames = static_cast<std::size_t>(swarm.queue_frames);
  options.queue_bytes = static_cast<std::size_t>(swarm.queue_kib * 1024);
  options.lose = swarm.lose;
  options.repeat = swarm.repeat;
  options.reorder = swarm.reorder;
  options.damage = swarm.damage;
  options.replay = swarm.replay;
  options.strange = 0.05 * swarm.newer;
  return options;
}

// What a swarm says of two-layer and no setting of a router does.
StrategyDescription Drawn(const Swarm& swarm, StrategyDescription strategy, bool newer) {
  if (strategy.name != "two-layer") return strategy;
  strategy.make = [swarm, newer](const StrategySettings& settings, const TextTreeView& view) {
    two_layer::Options options = TwoLayerOptions(settings);
    options.peer_unacked_bytes = static_cast<std::uint64_t>(swarm.unacked_kib * 1024);
    if (newer) options.version_max = two_layer::kVersionMax + 1;
    return std::make_unique<two_layer::TwoLayer>(std::move(options), view);
  };
  return strategy;
}

}  // namespace

RouterCoreOptions OptionsOf(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed,
                            std::size_t node) {
  Prng prng = Prng::ForPurpose(seed, "release");
  for (std::size_t i = 0; i < node; ++i) prng.Next();
  RouterCoreOptions options;
  options.strategy = Drawn(swarm, strategy, prng.Unit() < swarm.newer);
  options.trees.budget_bytes = static_cast<std::uint64_t>(swarm.index_kib * 1024);
  if (swarm.small_router != 0 && node == 0) options.trees.budget_bytes /= 16;
  options.trees.hash.text_block_bytes = kBlockBytes;
  options.trees.hash.tokens_block_tokens = kBlockBytes / kBytesPerToken;
  if (swarm.stranger != 0 && node + 1 == static_cast<std::size_t>(swarm.routers)) options.trees.hash.seed = 1;
  options.health.period = Seconds(swarm.health_s);
  options.health.idle_periods = kIdlePeriods;
  two_layer::Settings& settings = options.strategy_settings.two_layer;
  settings.round_ms = swarm.round_ms;
  settings.anchors = static_cast<std::uint64_t>(swarm.anchors);
  settings.window_mib = swarm.window_kib / 1024;
  settings.peer_round_budget_kib = swarm.page_bytes / 1024;
  settings.dead_after_s = swarm.dead_after_s;
  return options;
}

SimMesh::SimMesh(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed)
    : swarm_(swarm),
      strategy_(strategy),
      seed_(seed),
      nodes_(static_cast<std::size_t>(swarm.routers)),
      faults_(Prng::ForPurpose(seed, "faults")),
      load_(Prng::ForPurpose(seed, "load")),
      lives_(Prng::ForPurpose(seed, "lives")),
      removals_(Prng::ForPurpose(seed, "removals")),
      network_(world_, nodes_, NetworkOptions(swarm), seed) {
  workers_.all.resize(static_cast<std::size_t>(swarm.workers));
  for (std::size_t model = 0; model < kScopes / 2; ++model) workers_.models.push_back("m" + std::to_string(model));
  for (SimWorker& worker : workers_.all) worker.Become(Time{0}, Incarnation{1000 + lives_.Below(1000)});
  routers_.resize(nodes_);
  life_of_.resize(nodes_);
  incarnation_of_.resize(nodes_);
  for (std::size_t node = 0; node < nodes_; ++node) member_.push_back(swarm.stranger == 0 || node + 1 < nodes_);
}

void SimMesh::StartAll() {
  for (std::size_t node = 0; node < nodes_; ++node) Start(node, false);
  if (swarm_.slow_ms > 0) network_.SlowReader(faults_.Below(nodes_), Seconds(swarm_.slow_ms / 1e3));
  if (swarm_.bridge != 0) CutBoth(0, nodes_ - 1);
  if (swarm_.split_s > 0) Split(Seconds(swarm_.split_s));
}

// ---- routers

void SimMesh::Start(std::size_t node, bool same_incarnation) {
  SimRouter::Parameters parameters;
  parameters.node = node;
  parameters.nodes = nodes_;
  if (!same_incarnation) incarnation_of_[node] = Incarnation{lives_.Next() | 1};
  parameters.incarnation = incarnation_of_[node];
  parameters.clock_offset = Seconds(lives_.Unit() * 1e6);
  parameters.clock_rate = 1 + (lives_.Unit() * 2 - 1) * swarm_.clock_skew;
  parameters.seed = seed_;
  parameters.foreign = swarm_.foreign;
  parameters.lies = lies(node);
  life_of_[node] = ++lives_begun_;
  RouterCoreOptions options = OptionsOf(swarm_, strategy_, seed_, node);
  options.on_applied = [this, node](const ApplyIds& action) {
    if (on_applied) on_applied(node, action);
  };
  routers_[node] = std::make_unique<SimRouter>(std::move(options), parameters, world_, network_, workers_);
  if (routers_[node]->core().has_sync())
    network_.SetLimits(static_cast<std::size_t>(swarm_.queue_frames), static_cast<std::size_t>(swarm_.queue_kib * 1024),
                       routers_[node]->core().strategy()->traits().frame_bytes);
}

Incarnation SimMesh::OwnIncarnation(std::size_t node) const {
  if (routers_[node]->core().has_sync())
    for (const LogPosition& log : routers_[node]->core().strategy()->Positions())
      if (log.own) return log.incarnation;
  return incarnation_of_[node];
}

bool SimMesh::frames_are_safe() const {
  return swarm_.damage == 0 && swarm_.lose == 0 && swarm_.repeat == 0 && swarm_.reorder == 0 && swarm_.replay == 0;
}

void SimMesh::Crash(std::size_t node, bool clone) {
  if (!routers_[node]) return;
  if (clone) {
    incarnation_of_[node] = OwnIncarnation(node);
    clones_.emplace(RouterName(node), incarnation_of_[node]);
  }
  routers_[node].reset();
  world_.At(world_.now() + Seconds(faults_.Exponential() * 2), [this, node, clone] {
    if (!routers_[node] && !gone_for_good(node)) Start(node, clone);
  });
}

// ---- load

void SimMesh::Load(Time step) {
  const double mean = swarm_.rate * std::chrono::duration<double>(step).count();
  for (std::size_t node = 0; node < nodes_; ++node) {
    for (double left = load_.Exponential(); left < mean; left += load_.Exponential()) {
      const Time when = world_.now() + Time(static_cast<Time::rep>(load_.Unit() * static_cast<double>(step.count())));
      world_.At(when, [this, node] { Place(node); });
    }
  }
  const double restarts = swarm_.worker_restart_rate * std::chrono::duration<double>(step).count();
  const double stops = healed_ ? 0 : swarm_.worker_down_rate * std::chrono::duration<double>(step).count();
  for (SimWorker& worker : workers_.all) {
    if (faults_.Unit() < restarts) {
      const std::uint64_t value = worker.incarnation.value;
      worker.Restart(world_.now(), Incarnation{faults_.Unit() < swarm_.worker_clock_back
                                                   ? value - std::min(value - 1, 1 + faults_.Below(50))
                                                   : value + 1 + faults_.Below(50)});
    }
    if (faults_.Unit() >= stops || !worker.up) continue;
    worker.Stop(world_.now());
    world_.At(world_.now() + Seconds(0.5 + faults_.Exponential() * 5), [this, &worker] {
      if (!worker.up) worker.Restart(world_.now(), worker.incarnation);
    });
  }
  Removals(step);
}

void SimMesh::Removals(Time step) {
  const auto happens = [&](double rate) {
    return removals_.Unit() < rate * std::chrono::duration<double>(step).count();
  };
  for (std::size_t worker = 0; worker < workers(); ++worker) {
    if (!workers_.all[worker].up) continue;
    if (happens(swarm_.removal_rate) && !placed_.empty()) {
      const auto& [scope, ids] = placed_[removals_.Below(placed_.size())];
      const auto depth = static_cast<std::ptrdiff_t>(1 + removals_.Below(ids.size()));
      Removal prefix;
      prefix.model = workers_.models[scope / 2];
      prefix.kind = static_cast<Kind>(scope % 2);
      prefix.blocks.assign(ids.begin(), ids.begin() + depth);
      Tell(worker, std::move(prefix));
    }
    if (!happens(swarm_.clear_rate)) continue;
    Removal all;
    all.everything = true;
    Tell(worker, std::move(all));
  }
}

void SimMesh::Tell(std::size_t worker, Removal removal) {
  removal.worker_incarnation = workers_.all[worker].incarnation;
  removal.event_sequence = ++workers_.all[worker].events;
  for (std::size_t node = 0; node < nodes_; ++node) {
    // Some come when the worker has another incarnation.
    world_.At(world_.now() + Seconds(removals_.Exponential() * 0.3), [this, node, worker, removal] {
      SimRouter* const router = routers_[node].get();
      if (router == nullptr) return;
      const SyncStrategy* const strategy = router->core().strategy();
      if (strategy == nullptr || strategy->traits().tells_removals != TellsRemovals::kNone)
        router->Remove(worker, removal);
    });
  }
}

void SimMesh::Place(std::size_t node) {
  if (!routers_[node] || routers_[node]->paused()) return;
  std::vector<NodeId> ids;
  std::uint16_t scope = 0;
  if (!placed_.empty() && load_.Unit() < swarm_.repeats) {
    const auto& [old_scope, old_ids] = placed_[load_.Below(placed_.size())];
    scope = old_scope;
    ids = old_ids;
  } else {
    scope = static_cast<std::uint16_t>(load_.Below(kScopes));
    const std::size_t blocks = 1 + load_.Below(static_cast<std::uint64_t>(swarm_.blocks));
    const std::size_t shared = load_.Below(blocks + 1);
    std::uint64_t chain = Mix64(load_.Below(static_cast<std::uint64_t>(swarm_.templates)) * kScopes + scope);
    const std::uint64_t mask = swarm_.id_bits >= 64 ? ~0ull : (1ull << static_cast<unsigned>(swarm_.id_bits)) - 1;
    for (std::size_t i = 0; i < blocks; ++i) {
      chain = Mix64(chain + (i < shared ? 1 : load_.Next()));
      const std::uint64_t id = Mix64(chain & mask);  // few ids, anywhere
      ids.push_back(NodeId{id == 0 ? 1 : id});
    }
    if (placed_.size() < 256) {
      placed_.emplace_back(scope, ids);
    } else {
      placed_[load_.Below(placed_.size())] = {scope, ids};
    }
  }
  routers_[node]->Place(workers_.models[scope / 2], static_cast<Kind>(scope % 2), ids);
}

// ---- faults

void SimMesh::CutBoth(std::size_t a, std::size_t b) {
  network_.Cut(a, b);
  network_.Cut(b, a);
}

void SimMesh::Split(Time length) {
  const std::size_t half = nodes_ / 2;
  for (std::size_t a = 0; a < half; ++a)
    for (std::size_t b = half; b < nodes_; ++b) CutBoth(a, b);
  world_.At(world_.now() + length, [this, half] {
    if (!core_.empty()) return;
    for (std::size_t a = 0; a < half; ++a)
      for (std::size_t b = half; b < nodes_; ++b) HealPair(a, b);
  });
}

void SimMesh::HealPair(std::size_t a, std::size_t b) {
  network_.Heal(a, b);
  network_.Heal(b, a);
}

void SimMesh::Faults(Time step) {
  for (std::size_t node = 0; node < nodes_; ++node) {
    if (Fires(swarm_.crash_rate, step)) Crash(node, false);
    if (Fires(swarm_.clone_rate, step)) Crash(node, true);
    if (Fires(swarm_.pause_rate, step) && routers_[node])
      routers_[node]->PauseUntil(world_.now() + Seconds(1 + faults_.Unit() * 19));
    for (std::size_t other = node + 1; other < nodes_; ++other) {
      if (Fires(swarm_.break_rate, step)) network_.Break(node, other);
      if (!Fires(swarm_.cut_rate, step)) continue;
      const std::uint64_t ways = 1 + faults_.Below(3);  // one way, the other, both
      if ((ways & 1) != 0) network_.Cut(node, other);
      if ((ways & 2) != 0) network_.Cut(other, node);
      const bool stays = swarm_.bridge != 0 && node == 0 && other + 1 == nodes_;
      world_.At(world_.now() + Seconds(0.5 + faults_.Exponential() * 8), [this, node, other, stays] {
        if (core_.empty() && !stays) HealPair(node, other);
      });
    }
  }
}

void SimMesh::Heal() {
  network_.StopChaos();
  healed_ = true;
  for (SimWorker& worker : workers_.all)
    if (!worker.up) worker.Restart(world_.now(), worker.incarnation);
  if (swarm_.core_only != 0) {
    core_.assign(nodes_, false);
    std::size_t size = 2 + faults_.Below(nodes_ - 1);
    for (std::size_t node = 0; node < nodes_ && size > 0; ++node)
      if (faults_.Below(nodes_ - node) < size) core_[node] = true, --size;
  }
  for (std::size_t node = 0; node < nodes_; ++node) {
    if (gone_for_good(node)) {
      routers_[node].reset();
      continue;
    }
    if (swarm_.liar != 0 && node == liar()) routers_[node].reset();  // an honest one takes its place
    if (routers_[node] && routers_[node]->paused()) routers_[node]->PauseUntil(world_.now());
    if (!routers_[node]) Start(node, false);
  }
  for (std::size_t a = 0; a < nodes_; ++a)
    for (std::size_t b = a + 1; b < nodes_; ++b) HealPair(a, b);
}

}  // namespace prefixmesh::sim
