#include "bench/sim/generation_sim.h"

#include <algorithm>
#include <map>
#include <utility>

namespace prefixmesh::sim {
namespace {

constexpr Time kStep = std::chrono::milliseconds(250);

SimNetworkOptions NetworkOptions(const GenerationOptions& options) {
  SimNetworkOptions network;
  network.delay_mean = Seconds(options.delay_ms / 1e3);
  network.delay_min = network.delay_mean / 10;
  network.checksummed = false;
  return network;
}

// The tree says that the worker has the whole prompt.
bool Holds(const SimRouter& router, const std::string& model, const std::string& prompt, WorkerIndex worker) {
  const Slices bytes(AsBytes(prompt));
  std::vector<WorkerPrefix> held;
  const auto scope = router.core().trees().Find(model, Kind::kText);
  if (scope != nullptr) scope->tree->Depths({.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, held);
  for (const WorkerPrefix& prefix : held)
    if (prefix.worker == worker) return prefix.bytes == prompt.size();
  return false;
}

}  // namespace

GenerationSim::GenerationSim(std::string_view strategy, const GenerationOptions& options, std::uint64_t seed)
    : strategy_(*FindStrategy(strategy)),
      options_(options),
      seed_(seed),
      load_(Prng::ForPurpose(seed, "load")),
      faults_(Prng::ForPurpose(seed, "faults")),
      lives_(Prng::ForPurpose(seed, "lives")),
      removals_(Prng::ForPurpose(seed, "removals")),
      network_(world_, static_cast<std::size_t>(options.routers), NetworkOptions(options), seed),
      routers_(static_cast<std::size_t>(options.routers)),
      next_arrival_(static_cast<std::size_t>(std::min(options.writers, options.routers))),
      next_number_(static_cast<std::uint64_t>(options.pool)) {
  workers_.all.resize(static_cast<std::size_t>(options.workers));
  for (SimWorker& worker : workers_.all) worker.Become(Time{0}, Incarnation{1});
  for (std::uint64_t model = 0; model < static_cast<std::uint64_t>(options.models); ++model)
    workers_.models.push_back(ModelOf(model));
  const std::size_t early = options.join_s > 0 ? nodes() - 1 : nodes();
  for (std::size_t node = 0; node < early; ++node) Start(node);
  if (early < nodes()) world_.At(Seconds(options.join_s), [this, early] { Start(early); });
}

void GenerationSim::Start(std::size_t node) {
  SimRouter::Parameters parameters;
  parameters.node = node;
  parameters.nodes = nodes();
  parameters.incarnation = Incarnation{lives_.Next() | 1};
  parameters.clock_offset = Seconds(lives_.Unit() * 1e6);
  parameters.seed = seed_;
  RouterCoreOptions router;
  router.strategy = strategy_;
  router.trees.kind = IndexKind::kText;
  router.prompt_bytes_max = UINT64_MAX;
  router.strategy_settings.while_rebuilding = [this, node] {
    if (node < next_arrival_.size()) PlaceDue(node, world_.now() + Seconds(options_.rebuild_ms / 1e3));
  };
  if (PeersApplyRemovals()) router.strategy_settings.fixed = {generations::Hazard::kRemovalsDropped};
  routers_[node] = std::make_unique<SimRouter>(std::move(router), parameters, world_, network_, workers_);
  if (!routers_[node]->core().has_sync()) return;
  const StrategyTraits& traits = routers_[node]->core().strategy()->traits();
  network_.SetLimits(traits.queue_frames, traits.queue_bytes, traits.frame_bytes);
}

// ---- time -----------------------------------------------------------------------------------------------------------

void GenerationSim::Load(Time length) {
  load_until_ = world_.now() + length;
  for (std::size_t node = 0; node < next_arrival_.size(); ++node) {
    next_arrival_[node] = world_.now() + Distance(node, load_.Unit());
    NextArrival(node);
  }
  Run(length);
}

void GenerationSim::Run(Time length) {
  for (const Time end = world_.now() + length; world_.now() < end;) {
    world_.RunUntil(std::min(end, world_.now() + kStep));
    for (std::size_t node = 0; node < nodes(); ++node) {
      for (std::size_t other = node + 1; other < nodes() && options_.break_rate > 0; ++other)
        if (faults_.Unit() < options_.break_rate * std::chrono::duration<double>(kStep).count())
          network_.Break(node, other);
      if (!routers_[node]) continue;
      const StrategyReport report = routers_[node]->report();
      std::uint64_t bytes = 0;
      for (std::size_t i = 0; i < report.buffer_count; ++i) bytes += report.buffers[i].bytes;
      buffers_peak_bytes_ = std::max(buffers_peak_bytes_, bytes);
    }
    if (world_.now() < load_until_) Removals(kStep);
  }
}

Time GenerationSim::Distance(std::size_t node, double count) const {
  double rate = options_.rate;
  for (std::size_t i = 0; i < node; ++i) rate = std::clamp(rate * options_.skew, 0.01, 1e4);
  return Seconds(count / rate);
}

void GenerationSim::NextArrival(std::size_t node) {
  if (next_arrival_[node] >= load_until_) return;
  world_.At(next_arrival_[node], [this, node] {
    PlaceDue(node, world_.now() + Time{1});
    NextArrival(node);
  });
}

void GenerationSim::PlaceDue(std::size_t node, Time until) {
  while (next_arrival_[node] < std::min(until, load_until_)) {
    next_arrival_[node] += Distance(node, 0.5 + load_.Unit());
    PlaceOne(node);
  }
}

// ---- prompts --------------------------------------------------------------------------------------------------------

std::string GenerationSim::ModelOf(std::uint64_t number) const {
  return "m" + std::to_string(number % static_cast<std::uint64_t>(options_.models));
}

std::string GenerationSim::PromptOf(std::uint64_t number) const {
  static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
  const auto chars = static_cast<std::size_t>(options_.prompt_chars);
  std::string prompt(std::min(chars, static_cast<std::size_t>(options_.shared_chars)), '-');
  prompt += std::to_string(number) + " ";
  for (std::uint64_t at = number << 32; prompt.size() < chars; ++at)
    for (std::uint64_t bits = Mix64(at), i = 0; i < 10 && prompt.size() < chars; ++i, bits >>= 6)
      prompt += kAlphabet[bits % 64];
  return prompt;
}

void GenerationSim::PlaceOne(std::size_t node) {
  const bool duplicate = load_.Unit() < options_.duplicates;
  const std::uint64_t number = duplicate ? load_.Below(static_cast<std::uint64_t>(options_.pool)) : next_number_++;
  if (!routers_[node]) return;
  const std::optional<WorkerIndex> worker = routers_[node]->Place(ModelOf(number), PromptOf(number));
  if (!worker) return;  // before the router checked its workers
  placements_hash_ = Mix64(placements_hash_ ^ Mix64(number << 20 | node << 10 | worker->value) ^
                           static_cast<std::uint64_t>(world_.now().count()));
  placed_.push_back({number, static_cast<std::uint16_t>(node), *worker});
}

// ---- removals -------------------------------------------------------------------------------------------------------

bool GenerationSim::PeersApplyRemovals() const {
  return options_.fixes_removals != 0 && strategy_.hazards.contains(generations::Hazard::kRemovalsDropped);
}

void GenerationSim::Removals(Time step) {
  for (const bool everything : {false, true}) {
    const double rate = everything ? options_.clear_rate : options_.removal_rate;
    if (removals_.Unit() < rate * std::chrono::duration<double>(step).count() && !placed_.empty()) Drop(everything);
  }
}

void GenerationSim::Drop(bool everything) {
  const Placed placed = placed_[removals_.Below(placed_.size())];
  Removal removal;
  removal.everything = everything;
  if (!everything) {
    removal.model = ModelOf(placed.number);
    removal.prompt = PromptOf(placed.number);
    removal.prompt.resize(1 + removals_.Below(removal.prompt.size()));
  }
  SimWorker& worker = workers_.all[placed.worker.value];
  removal.worker_incarnation = worker.incarnation;
  removal.event_sequence = ++worker.events;
  if (everything)
    std::erase_if(dropped_, [&](const Dropped& each) {
      return each.everything && each.placed.node == placed.node && each.placed.worker == placed.worker;
    });
  dropped_.push_back({placed, everything, placed_.size()});
  routers_[placed.node]->Remove(placed.worker.value, std::move(removal));
}

std::string GenerationSim::Broken() const {
  for (std::size_t node = 0; node < nodes(); ++node)
    if (routers_[node] && !routers_[node]->broken().empty())
      return RouterName(node) + " broke a rule: " + routers_[node]->broken();
  const bool off = strategy_.name == "off";
  const bool lists = strategy_.name == "raw-ops" || strategy_.name.starts_with("crdt-ops");
  if (!off && (!lists || !PeersApplyRemovals() || next_arrival_.size() != 1)) return {};
  std::map<std::pair<std::uint64_t, WorkerIndex>, std::size_t> last;  // where a prompt was placed at a worker
  for (std::size_t i = 0; i < placed_.size(); ++i) last[{placed_[i].number, placed_[i].worker}] = i;
  for (const auto& [prompt_and_worker, at] : last) {
    const auto& [number, worker] = prompt_and_worker;
    for (const Dropped& dropped : dropped_) {
      if (dropped.placed.worker != worker || dropped.after <= at) continue;
      if (!dropped.everything && (!off || dropped.placed.number != number)) continue;
      for (std::size_t node = 0; node < nodes(); ++node) {
        if (!routers_[node] || (node == dropped.placed.node) != off) continue;
        if (Holds(*routers_[node], ModelOf(number), PromptOf(number), worker))
          return RouterName(node) + " has prompt " + std::to_string(number) + ", which " + WorkerLabel(worker.value) +
                 " dropped";
      }
    }
  }
  return {};
}

// ---- figures --------------------------------------------------------------------------------------------------------

std::uint64_t GenerationSim::hash() const { return Mix64(placements_hash_ ^ Mix64(network_.trace_hash())); }

double GenerationSim::HeldShare() const {
  std::uint64_t held = 0, asked = 0;
  for (const Placed& placed : placed_) {
    const std::string model = ModelOf(placed.number), prompt = PromptOf(placed.number);
    for (std::size_t node = 0; node < nodes(); ++node) {
      if (node == placed.node || !routers_[node]) continue;
      ++asked;
      held += Holds(*routers_[node], model, prompt, placed.worker);
    }
  }
  return asked == 0 ? 0 : static_cast<double>(held) / static_cast<double>(asked);
}

GenerationFigures GenerationSim::Figures() const {
  GenerationFigures figures;
  figures.placements = placed_.size();
  figures.frames = network_.frames();
  for (const auto& router : routers_) {
    if (!router) continue;
    const MeshStats stats = router->stats();
    const StrategyReport report = router->report();
    figures.built_bytes += stats.built_bytes;
    figures.refused_bytes += stats.refused_bytes;
    figures.queued_bytes += stats.queued_bytes;
    figures.delivered_bytes += stats.received_bytes;
    figures.rounds += stats.rounds;
    figures.messages += stats.messages;
    for (const std::uint64_t count : stats.oversize) figures.oversize += count;
    figures.streams_opened += stats.streams_opened;
    figures.records.local += report.records.local;
    figures.records.sent += report.records.sent;
    figures.records.received += report.records.received;
    figures.records.applied += report.records.applied;
    figures.records.stale += report.records.stale;
    figures.records.unresolved += report.records.unresolved;
    figures.decode_errors += report.decode_errors;
  }
  figures.held_share = HeldShare();
  figures.buffers_peak_bytes = buffers_peak_bytes_;
  return figures;
}

}  // namespace prefixmesh::sim
