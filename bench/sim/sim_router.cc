#include "bench/sim/sim_router.h"

#include "impl/base/check.h"

namespace prefixmesh::sim {
namespace {

constexpr std::uint32_t kBlockBytes = 256;

BlockIndexOptions IndexOptions(const Swarm& swarm, std::size_t node) {
  BlockIndexOptions options;
  options.budget_bytes = static_cast<std::uint64_t>(swarm.index_kib * 1024);
  if (swarm.small_router != 0 && node == 0) options.budget_bytes /= 16;
  options.text_block_bytes = kBlockBytes;
  options.tokens_block_bytes = kBlockBytes;
  return options;
}

two_layer::Options StrategyOptions(const Swarm& swarm, const SimNode::Parameters& parameters) {
  two_layer::Options options;
  options.round_period = std::chrono::nanoseconds(static_cast<std::int64_t>(swarm.round_ms * 1e6));
  options.anchors = static_cast<std::uint32_t>(swarm.anchors);
  options.window_bytes = static_cast<std::uint64_t>(swarm.window_kib * 1024);
  options.page_bytes = static_cast<std::uint64_t>(swarm.page_bytes);
  options.peer_unacked_bytes = static_cast<std::uint64_t>(swarm.unacked_kib * 1024);
  options.dead_after = std::chrono::nanoseconds(static_cast<std::int64_t>(swarm.dead_after_s * 1e9));
  options.router = RouterName(parameters.node);
  options.incarnation = parameters.incarnation;
  Prng prng = Prng::ForPurpose(parameters.seed, "release");
  for (std::size_t i = 0; i < parameters.node; ++i) prng.Next();
  if (prng.Unit() < swarm.newer) options.version_max = two_layer::kVersionMax + 1;
  if (swarm.stranger != 0 && parameters.node + 1 == parameters.nodes) options.hash_key_id = 1;
  return options;
}

}  // namespace

SimRouter::SimRouter(const Swarm& swarm, const Parameters& parameters, SimWorld& world, SimNetwork& network,
                     std::vector<SimWorker>& workers)
    : SimNode(parameters, workers.size(), world, network),
      workers_(workers),
      checked_at_(workers.size(), Time{-1}),
      check_posted_(workers.size(), false),
      index_(IndexOptions(swarm, parameters.node)),
      actions_(*this),
      strategy_(StrategyOptions(swarm, parameters), *this),
      mesh_(clock_, executor_, strategy_, actions_, peers_) {
  Join(mesh_);
}

SimRouter::~SimRouter() { Leave(); }

void SimRouter::Meet(WorkerIndex worker) {
  SimWorker& met = workers_[worker.value];
  const Incarnation known = fleet_.incarnation(worker);
  if (met.incarnation < known) met.Become(Incarnation{known.value + 1});
  if (fleet_.RaiseIncarnation(worker, met.incarnation) != RegisterChange::kNone)
    index_.RaiseIncarnation(worker, met.incarnation);
}

void SimRouter::Check(WorkerIndex worker) {
  if (check_posted_[worker.value]) return;
  const Time last = checked_at_[worker.value], now = clock_.Now();
  check_posted_[worker.value] = true;
  const Time due = last >= Time{0} && now < last + kCheckPeriod ? last + kCheckPeriod : now;
  executor_.PostAt(due + kHelloTime, [this, worker] {
    check_posted_[worker.value] = false;
    checked_at_[worker.value] = clock_.Now();
    Meet(worker);
  });
}

void SimRouter::Place(std::uint16_t scope, std::span<const NodeId> ids) {
  static const std::string bytes(1000 * kBlockBytes, 'x');
  const Slices prompt_bytes(AsBytes(std::string_view(bytes).substr(0, ids.size() * kBlockBytes)));
  const Prompt prompt{static_cast<Kind>(scope % 2), &prompt_bytes, ids, scope};
  const std::uint64_t chance = random_.Next();
  const Insertion insertion = index_.MatchAndInsert(
      prompt, 0, [&](const TreeMatch& match) { return ChooseWorker({}, match, candidates_, *this, chance).worker; });
  PREFIXMESH_CHECK(insertion.worker.has_value());
  const WorkerIndex worker = *insertion.worker;
  // The request reaches the worker.
  const Incarnation known = fleet_.incarnation(worker);
  Meet(worker);
  const bool same_life = fleet_.incarnation(worker) == known || known.value == 0;
  if (!same_life) {  // the cache it was chosen for is gone, and so is what was just inserted
    index_.Insert(prompt, worker, 0);
  }
  Serve(worker);
  PlacementView placement;
  const std::string model = "m" + std::to_string(scope / 2);
  placement.model = model;
  placement.kind = prompt.kind;
  placement.prompt = &prompt_bytes;
  placement.blocks = ids;
  placement.worker = worker;
  placement.worker_name = fleet_.name(worker);
  placement.worker_incarnation = parameters_.lies ? Lie() : fleet_.incarnation(worker);
  placement.branch_depth = same_life ? insertion.branch_depth : 0;
  placement.branch = same_life ? insertion.branch : Announcement::kNone;
  placement.leaf_depth = insertion.leaf_depth;
  placement.repeat = same_life && insertion.repeat;
  placement.refresh = same_life && insertion.refresh;
  if (!mesh_.Offer(placement)) index_.StampOwn(ids.last(1), worker, 0, placement.worker_incarnation);
}

SimRouter::WatchedActions::WatchedActions(SimRouter& router)
    : BlockActions(router.fleet_, router.index_, [&router](WorkerIndex worker) { router.Check(worker); }),
      router_(router) {}

void SimRouter::WatchedActions::Apply(const ApplyIds& action) {
  BlockActions::Apply(action);
  if (action.origin == 0) {
    if (router_.on_stamped) router_.on_stamped(router_);
  } else if (router_.on_applied) {
    router_.on_applied(action);
  }
}

}  // namespace prefixmesh::sim
