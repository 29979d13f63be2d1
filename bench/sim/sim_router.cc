#include "bench/sim/sim_router.h"

#include <algorithm>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh::sim {
namespace {

constexpr Time kCheckTime = std::chrono::milliseconds(2);
constexpr Time kFirstTokenTime = std::chrono::milliseconds(1);
constexpr Time kRequestTime = std::chrono::milliseconds(60);

std::vector<std::size_t> OwnWorkers(const SimRouter::Parameters& parameters, std::size_t workers) {
  std::vector<std::size_t> own;
  for (std::size_t i = 0; i < workers; ++i) {
    const double drawn = Prng::ForPurpose(parameters.seed, RouterName(parameters.node) + WorkerLabel(i)).Unit();
    if (drawn >= parameters.foreign || i == parameters.node % workers) own.push_back(i);
  }
  return own;
}

RouterCoreOptions Complete(RouterCoreOptions options, const SimRouter::Parameters& parameters,
                           const std::vector<std::size_t>& own) {
  options.name = RouterName(parameters.node);
  options.incarnation = parameters.incarnation;
  for (const std::size_t worker : own) options.workers.push_back(WorkerLabel(worker));
  for (std::size_t other = 0; other < parameters.nodes; ++other)
    if (other != parameters.node) options.peers.push_back(RouterName(other));
  return options;
}

Prng PrngOf(const SimRouter::Parameters& parameters, std::string_view purpose) {
  return Prng::ForPurpose(parameters.seed, std::string(purpose) + std::to_string(parameters.incarnation.value));
}

}  // namespace

std::string RouterName(std::size_t node) {
  std::string digits = std::to_string(node);
  return "r" + std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits;
}

SimRouter::SimRouter(RouterCoreOptions options, const Parameters& parameters, SimWorld& world, SimNetwork& network,
                     SimWorkers& workers)
    : parameters_(parameters),
      world_(world),
      network_(network),
      workers_(workers),
      own_(OwnWorkers(parameters, workers.all.size())),
      clock_(world, parameters.clock_offset, parameters.clock_rate),
      random_(PrngOf(parameters, "router ").Next()),
      identity_(PrngOf(parameters, "identity ").Next()),
      executor_(world, clock_),
      core_(Complete(std::move(options), parameters, own_), RouterEnv{clock_, executor_, random_, identity_, *this}),
      running_since_(world.now()),
      in_flight_(own_.size()) {
  core_.Start(core_.has_sync() ? &network_.Attach(parameters_.node, *core_.mesh()) : nullptr, FrameForm::kPlain);
}

SimRouter::~SimRouter() {
  if (core_.has_sync()) network_.Detach(parameters_.node);
}

void SimRouter::PauseUntil(Time until) {
  executor_.PauseUntil(until);
  running_since_ = std::max(until, world_.now());
}

// Own workers have the first slots, in order.
std::optional<std::size_t> SimRouter::NumberOf(WorkerIndex worker) const {
  return worker.value < own_.size() ? std::optional(own_[worker.value]) : std::nullopt;
}

Incarnation SimRouter::IncarnationOf(WorkerIndex worker) {
  if (!parameters_.lies) return At(worker).incarnation;
  return Incarnation{kWorkerIncarnationMax.value - (1u << 30) + ++lies_};  // each above the one before
}

void SimRouter::CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) {
  executor_.PostAt(clock_.Now() + kCheckTime, [this, worker, registered, answer = std::move(answer)] {
    SimWorker& checked = At(worker);
    if (!checked.up) return answer(Error{ErrorCode::kUnavailable, "down"});
    if (!parameters_.lies && checked.incarnation < registered)
      checked.Become(world_.now(), Incarnation{registered.value + 1});
    answer(HealthReply{IncarnationOf(worker), workers_.models});
  });
}

// ---- requests -------------------------------------------------------------------------------------------------------

std::optional<WorkerIndex> SimRouter::Place(std::string_view model, std::string_view text) {
  const Slices prompt(AsBytes(text));
  return Serve([&](bool again) { return core_.Decide({model, Kind::kText, &prompt}, again); }, [](WorkerIndex) {});
}

std::optional<WorkerIndex> SimRouter::Place(std::string_view model, Kind kind, std::span<const NodeId> blocks) {
  // The core takes the bytes for their number only.
  const std::size_t block_bytes = core_.options().trees.hash.text_block_bytes;
  static const std::string bytes(1u << 18, 'x');
  PREFIXMESH_CHECK(blocks.size() * block_bytes <= bytes.size());
  const Slices prompt(AsBytes(std::string_view(bytes).substr(0, blocks.size() * block_bytes)));
  return Serve(
      [&](bool again) {
        return core_.DecideBlocks({model, kind, &prompt}, blocks, again);
      },
      [&](WorkerIndex worker) {
        std::erase_if(removed_, [&](const auto& each) {
          const Removal& prefix = each.second;
          const std::size_t depth = prefix.blocks.size();
          return each.first == worker && prefix.model == model && prefix.kind == kind && depth <= blocks.size() &&
                 blocks[depth - 1] == prefix.blocks.back();
        });
      });
}

std::optional<WorkerIndex> SimRouter::Serve(Decision decide, FunctionRef<void(WorkerIndex)> placed) {
  for (bool again = false;; again = true) {
    const std::uint64_t nodes = core_.trees().Size().nodes;
    const Result<RouteDecision> decision = decide(again);
    if (!decision.ok()) {
      if (core_.trees().Size().nodes != nodes) Break("a request that was refused left its prompt in the index");
      return std::nullopt;
    }
    const WorkerIndex worker = decision->worker;
    placed(worker);
    if (!core_.fleet().healthy(worker))
      Break("a request was placed at " + WorkerLabel(*NumberOf(worker)) + ", which is not healthy");
    ++in_flight_[worker.value];
    if (At(worker).up) {
      Forward(worker);
      return worker;
    }
    End(worker, false);
    if (again || !core_.TakeRetry()) return std::nullopt;
  }
}

void SimRouter::Break(const std::string& what) {
  if (broken_.empty()) broken_ = what;
}

void SimRouter::Forward(WorkerIndex worker) {
  const auto serves = [this, worker, starts = At(worker).starts] {
    return At(worker).up && At(worker).starts == starts;
  };
  executor_.PostAt(clock_.Now() + kFirstTokenTime, [this, worker, serves] {
    if (serves()) core_.OnReply(worker, IncarnationOf(worker));
  });
  executor_.PostAt(clock_.Now() + kRequestTime, [this, worker, serves] { End(worker, serves()); });
}

void SimRouter::End(WorkerIndex worker, bool reached) {
  --in_flight_[worker.value];
  core_.Finish(worker, reached ? Forwarded::kServed : Forwarded::kUnreached);
}

// ---- removals -------------------------------------------------------------------------------------------------------

void SimRouter::Remove(std::size_t number, Removal removal) {
  const auto own = std::find(own_.begin(), own_.end(), number);
  if (own == own_.end()) return;
  const WorkerIndex worker{static_cast<std::uint16_t>(own - own_.begin())};
  executor_.Post([this, worker, removal = std::move(removal)] { Take(worker, removal); });
}

void SimRouter::Take(WorkerIndex worker, const Removal& removal) {
  const bool before = Has(worker, removal);
  core_.OnRemoval(worker, removal);
  const bool after = Has(worker, removal);
  const std::string label = WorkerLabel(*NumberOf(worker));
  if (removal.worker_incarnation < core_.fleet().incarnation(worker)) {
    if (after != before) Break("what a former incarnation of " + label + " dropped was removed from the present one");
    return;
  }
  if (after) Break("what " + label + " dropped is still in the index");
  if (removal.blocks.empty()) return;
  if (removed_.size() >= kRemovedMax) removed_.pop_front();
  removed_.emplace_back(worker, removal);
}

std::uint64_t SimRouter::HeldBytes(WorkerIndex worker, const Removal& prefix) const {
  const auto scope = core_.trees().Find(prefix.model, prefix.kind);
  if (scope == nullptr) return 0;
  const Slices bytes(AsBytes(prefix.prompt));
  std::vector<WorkerPrefix> held;
  scope->tree->Depths({prefix.kind, &bytes, prefix.blocks, scope->slot}, held);
  const auto at =
      std::find_if(held.begin(), held.end(), [&](const WorkerPrefix& each) { return each.worker == worker; });
  return at != held.end() ? at->bytes : 0;
}

bool SimRouter::Has(WorkerIndex worker, const Removal& removal) {
  if (!removal.everything) {
    const std::uint64_t block_bytes = core_.options().trees.hash.text_block_bytes;
    return HeldBytes(worker, removal) == removal.prompt.size() + removal.blocks.size() * block_bytes;  // one of both
  }
  if (const BlockIndex* index = core_.trees().block_index()) {
    const std::vector<DumpedEdge> edges = index->Dump();
    return std::any_of(edges.begin(), edges.end(), [&](const DumpedEdge& edge) { return edge.worker == worker; });
  }
  std::uint64_t bytes = 0;
  core_.trees().ForEachTextTree([&](const TreeScope& scope) { bytes += scope.text->TenantBytes(worker); });
  return bytes > 0;
}

}  // namespace prefixmesh::sim
