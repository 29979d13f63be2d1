#include "bench/sim/sim_router.h"

#include "impl/base/check.h"

namespace prefixmesh::sim {
namespace {

constexpr std::uint32_t kBlockBytes = 256;

std::vector<std::string> PeerNames(std::size_t node, std::size_t nodes) {
  std::vector<std::string> names;
  for (std::size_t other = 0; other < nodes; ++other)
    if (other != node) names.push_back(RouterName(other));
  return names;
}

BlockIndexOptions IndexOptions(const Swarm& swarm, std::size_t node) {
  BlockIndexOptions options;
  options.budget_bytes = static_cast<std::uint64_t>(swarm.index_kib * 1024);
  if (swarm.small_router != 0 && node == 0) options.budget_bytes /= 16;
  options.text_block_bytes = kBlockBytes;
  options.tokens_block_bytes = kBlockBytes;
  return options;
}

two_layer::Options StrategyOptions(const Swarm& swarm, const SimRouter::Parameters& parameters) {
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

std::string RouterName(std::size_t node) {
  std::string digits = std::to_string(node);
  return "r" + std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits;
}

std::string WorkerLabel(std::size_t worker) { return "w" + std::to_string(worker); }

SimRouter::SimRouter(const Swarm& swarm, const Parameters& parameters, SimWorld& world, SimNetwork& network,
                     std::vector<SimWorker>& workers)
    : parameters_(parameters),
      network_(network),
      workers_(workers),
      peers_(PeerNames(parameters.node, parameters.nodes)),
      clock_(world, parameters.clock_offset, parameters.clock_rate),
      random_(Prng::ForPurpose(parameters.seed, "router " + std::to_string(parameters.incarnation.value)).Next()),
      executor_(world, clock_),
      fleet_(peers_.size()),
      index_(IndexOptions(swarm, parameters.node)),
      strategy_(StrategyOptions(swarm, parameters), *this),
      mesh_(clock_, executor_, strategy_, *this, peers_) {
  for (std::size_t i = 0; i < workers.size(); ++i) {
    candidates_.push_back(*fleet_.Intern(WorkerLabel(i)));
    fleet_.SetHealthy(candidates_.back(), true);
  }
  SyncTransport& transport = network.Attach(parameters.node, mesh_);
  mesh_.Start(transport);
}

SimRouter::~SimRouter() { network_.Detach(parameters_.node); }

void SimRouter::Raise(WorkerIndex worker, Incarnation incarnation) {
  if (fleet_.RaiseIncarnation(worker, incarnation) != RegisterChange::kNone)
    index_.RaiseIncarnation(worker, incarnation);
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
  // The request reaches the worker, which tells its incarnation; one below its register is told, and goes above it.
  SimWorker& met = workers_[worker.value];
  const Incarnation known = fleet_.incarnation(worker);
  if (met.incarnation < known) met.incarnation.value = known.value + 1;
  const bool same_life = met.incarnation == known || known.value == 0;
  Raise(worker, met.incarnation);
  if (!same_life) {  // the cache it was chosen for is gone, and so is what was just inserted
    index_.Insert(prompt, worker, 0);
  }
  fleet_.BeginRequest(worker);
  executor_.PostAt(clock_.Now() + std::chrono::milliseconds(60), [this, worker] { fleet_.EndRequest(worker); });
  PlacementView placement;
  const std::string model = "m" + std::to_string(scope / 2);
  placement.model = model;
  placement.kind = prompt.kind;
  placement.prompt = &prompt_bytes;
  placement.blocks = ids;
  placement.worker = worker;
  placement.worker_name = fleet_.name(worker);
  placement.worker_incarnation = fleet_.incarnation(worker);
  placement.branch_depth = same_life ? insertion.branch_depth : 0;
  placement.branch = same_life ? insertion.branch : Announcement::kNone;
  placement.leaf_depth = insertion.leaf_depth;
  placement.repeat = same_life && insertion.repeat;
  placement.refresh = same_life && insertion.refresh;
  if (!mesh_.Offer(placement)) index_.StampOwn(ids.last(1), worker, 0, placement.worker_incarnation);
}

Incarnation SimRouter::NewIncarnation() const { return Incarnation{random_.Next() | 1}; }

// ---- what the strategy wants done -----------------------------------------------------------------------------------

void SimRouter::Apply(const ApplyIds& action) {
  const WorkerIndex worker = *fleet_.Intern(action.worker_name);
  if (action.origin == 0) {
    index_.StampOwn(action.ids, worker, action.seq, action.worker_incarnation);
    if (on_stamped) on_stamped(*this);
    return;
  }
  index_.ApplyIds(action.ids, worker, action.origin, action.seq, action.worker_incarnation);
  if (on_applied) on_applied(action);
}

void SimRouter::Apply(const RetractIds& action) {
  if (const auto worker = fleet_.Find(action.worker_name))
    index_.RetractIds(action.ids, *worker, action.origin, action.seq);
}

void SimRouter::Apply(const RetractBelow& action) { index_.RetractBelow(action.origin, action.seq); }
void SimRouter::Apply(const MoveRefreshMark& action) { index_.SetRefreshMark(action.origin, action.seq); }
void SimRouter::Apply(const ApplyLoad& action) {
  if (const auto worker = fleet_.Intern(action.worker_name)) fleet_.SetPeerLoad(action.peer, *worker, action.in_flight);
}
void SimRouter::Apply(const ForgetLoads& action) { fleet_.ForgetPeerLoads(action.peer); }
void SimRouter::Apply(const ApplyRegister& action) { Raise(*fleet_.Intern(action.worker_name), action.incarnation); }

std::span<const WorkerLoad> SimRouter::Workers() const {
  loads_.clear();
  for (const WorkerIndex worker : candidates_)
    loads_.push_back({fleet_.name(worker), fleet_.incarnation(worker), fleet_.own_in_flight(worker)});
  return loads_;
}

}  // namespace prefixmesh::sim
