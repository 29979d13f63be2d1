#include "bench/sim/generation_router.h"

#include "impl/base/check.h"
#include "impl/node/strategies.h"

namespace prefixmesh::sim {
namespace {

constexpr Time kEvictionPeriod = std::chrono::seconds(120);

TreeSetOptions TreeOptions(std::size_t models) {
  TreeSetOptions options;
  options.kind = IndexKind::kText;
  options.models_max = models;
  return options;
}

}  // namespace

GenerationRouter::GenerationRouter(std::string_view strategy, const Parameters& parameters,
                                   const std::vector<std::string>& models, std::size_t workers, SimWorld& world,
                                   SimNetwork& network, std::function<void()> while_rebuilding)
    : SimNode(parameters, workers, world, network), trees_(TreeOptions(models.size())), actions_(fleet_, trees_) {
  for (const std::string& model : models) trees_.Add(model, Kind::kText);
  StrategySettings settings;
  settings.router = RouterName(parameters.node);
  settings.incarnation = parameters.incarnation;
  settings.text_eviction_period = kEvictionPeriod;
  settings.text_chars_max = TreeOptions(models.size()).text_chars_max;
  settings.while_rebuilding = std::move(while_rebuilding);
  strategy_ = MakeStrategy(strategy, settings, *this);
  executor_.PostAt(clock_.Now() + kEvictionPeriod, [this] { EvictionBeat(); });
  if (strategy_ == nullptr) return;
  const StrategyTraits& traits = strategy_->traits();
  PREFIXMESH_CHECK(traits.runs_on_text);
  network.SetLimits(traits.queue_frames, traits.queue_bytes, traits.frame_bytes);
  Join(mesh_.emplace(clock_, executor_, *strategy_, actions_, peers_));
}

GenerationRouter::~GenerationRouter() { Leave(); }

void GenerationRouter::EvictionBeat() {
  trees_.EvictAll();
  executor_.PostAt(clock_.Now() + kEvictionPeriod, [this] { EvictionBeat(); });
}

WorkerIndex GenerationRouter::Place(const std::string& model, const std::string& prompt) {
  const Slices bytes(AsBytes(prompt));
  const std::uint64_t chance = random_.Next();
  Choice choice;
  PrefixTree& tree = *trees_.Find(model, Kind::kText)->tree;
  const Insertion insertion =
      tree.MatchAndInsert({.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, 0, [&](const TreeMatch& match) {
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
  const Slices bytes(AsBytes(prompt));
  std::vector<WorkerPrefix> held;
  trees_.Find(model, Kind::kText)->tree->Depths({.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, held);
  for (const WorkerPrefix& prefix : held)
    if (prefix.worker == worker) return prefix.bytes == prompt.size();
  return false;
}

MeshStats GenerationRouter::stats() const { return mesh_ ? mesh_->Stats() : MeshStats{}; }
StrategyReport GenerationRouter::report() const { return strategy_ ? strategy_->Report() : StrategyReport{}; }

void GenerationRouter::SnapshotTextTrees(std::string_view model, SnapshotSink sink) const {
  prefixmesh::SnapshotTextTrees(trees_, fleet_, model, sink);
}

}  // namespace prefixmesh::sim
