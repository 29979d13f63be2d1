#include "bench/sim/generation_router.h"

#include "impl/base/check.h"
#include "impl/node/strategies.h"
#include "impl/node/tree_exchange.h"

namespace prefixmesh::sim {
namespace {

constexpr Time kEvictionPeriod = std::chrono::seconds(120);

}  // namespace

GenerationRouter::GenerationRouter(std::string_view strategy, const Parameters& parameters, std::size_t workers,
                                   SimWorld& world, SimNetwork& network, std::function<void()> while_rebuilding)
    : SimNode(parameters, workers, world, network) {
  StrategySettings settings;
  settings.router = RouterName(parameters.node);
  settings.incarnation = parameters.incarnation;
  settings.while_rebuilding = std::move(while_rebuilding);
  strategy_ = MakeStrategy(strategy, settings, *this);
  executor_.PostAt(clock_.Now() + kEvictionPeriod, [this] { EvictionBeat(); });
  if (strategy_ == nullptr) return;
  const StrategyTraits& traits = strategy_->traits();
  PREFIXMESH_CHECK(traits.runs_on_text);
  network.SetLimits(traits.queue_frames, traits.queue_bytes, traits.frame_bytes);
  Join(mesh_.emplace(clock_, executor_, *strategy_, static_cast<MeshSink&>(*this), peers_));
}

GenerationRouter::~GenerationRouter() { Leave(); }

void GenerationRouter::EvictionBeat() {
  for (auto& [model, tree] : trees_) tree.Evict();
  executor_.PostAt(clock_.Now() + kEvictionPeriod, [this] { EvictionBeat(); });
}

WorkerIndex GenerationRouter::Place(const std::string& model, const std::string& prompt) {
  const Slices bytes(AsBytes(prompt));
  const std::uint64_t chance = random_.Next();
  Choice choice;
  const Insertion insertion = trees_[model].MatchAndInsert(
      {.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, 0, [&](const TreeMatch& match) {
        choice = ChooseWorker({}, match, candidates_, *this, chance);
        return choice.worker;
      });
  PREFIXMESH_CHECK(choice.worker.has_value());
  Serve(*choice.worker);
  if (!mesh_) return *choice.worker;
  PlacementView placement;
  placement.model = model;
  placement.prompt = &bytes;
  placement.worker = *choice.worker;
  placement.worker_name = fleet_.name(*choice.worker);
  placement.matched_bytes = insertion.matched_bytes;
  placement.by_load = choice.reason == DecisionReason::kBalance;
  mesh_->Offer(placement);
  return *choice.worker;
}

bool GenerationRouter::Holds(const std::string& model, const std::string& prompt, WorkerIndex worker) const {
  const auto tree = trees_.find(model);
  if (tree == trees_.end()) return false;
  const Slices bytes(AsBytes(prompt));
  std::vector<WorkerPrefix> held;
  tree->second.Depths({.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, held);
  for (const WorkerPrefix& prefix : held)
    if (prefix.worker == worker) return prefix.bytes == prompt.size();
  return false;
}

MeshStats GenerationRouter::stats() const { return mesh_ ? mesh_->Stats() : MeshStats{}; }
StrategyReport GenerationRouter::report() const { return strategy_ ? strategy_->Report() : StrategyReport{}; }

std::uint64_t GenerationRouter::tree_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [model, tree] : trees_) bytes += tree.Size().bytes;
  return bytes;
}

// ---- what the strategy wants done -----------------------------------------------------------------------------------

void GenerationRouter::Apply(ApplyPrompt action) {
  const auto worker = fleet_.Intern(action.worker_name);
  if (!worker) return;
  const Slices bytes(AsBytes(action.prompt));
  trees_[action.model].Insert({.kind = action.kind, .bytes = &bytes, .blocks = {}}, *worker, 0);
}

void GenerationRouter::MergeSnapshot(const ApplySnapshot& action) {
  MergeInto(trees_[action.model], action.snapshot, fleet_);
}

void GenerationRouter::RemoveTenant(const ForgetTenant& action) {
  if (const auto worker = fleet_.Find(action.worker_name)) trees_[action.model].RemoveWorker(*worker);
}

void GenerationRouter::SnapshotTextTrees(std::string_view model, SnapshotSink sink) const {
  for (const auto& [name, tree] : trees_)
    if (model.empty() || name == model) sink(name, SnapshotOf(tree, fleet_));
}

}  // namespace prefixmesh::sim
